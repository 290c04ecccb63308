package faults

import (
	"strings"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// good returns evidence that nothing is wrong with: two clients that take turns
// at a STRONG key, 10 ms each, with the fault in the middle; and in the second
// half of it, at the same times, at a leased key in both modes.
func good() evidence {
	e := evidence{began: stamp(1500), healed: stamp(2500), marks: map[allocator.Key]int64{}, budget: budget{lives: 1, workers: 1}}
	for i := range 400 {
		op := allocatortest.Op{
			Start: stamp(10 * i), End: stamp(10*i + 9), Key: strongKeys[0],
			Ids: allocator.Range{First: int64(i + 1), N: 1}, Strong: true, Client: i % 2,
		}
		e.asks = append(e.asks, ask{Op: op, n: 1, answers: 1})
		e.ops = append(e.ops, op)
		e.marks[op.Key] = op.Ids.Last()
	}
	for i := range 400 {
		op := e.ops[i]
		op.Key, op.Strong = leasedKeys[0], i%2 == 0
		e.asks = append(e.asks, ask{Op: op, n: 1, answers: 1})
		e.ops = append(e.ops, op)
		e.marks[op.Key] = op.Ids.Last()
	}
	return e
}

func stamp(ms int) int64 { return int64(time.Duration(ms) * time.Millisecond) }

// A verdict that can't be bad is worth nothing: each kind of broken promise, and
// evidence of too little, is found.
func TestVerdictFinds(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*evidence)
		want  string // in one of the problems; "": there is none
	}{
		{"nothing", func(*evidence) {}, ""},
		{"an id twice", func(e *evidence) { e.ops[200].Ids.First = 200 }, "handed out twice"},
		{"an id twice, the second in a late answer", func(e *evidence) {
			late := e.ops[10]
			late.End = stamp(3000)
			e.ops = append(e.ops, late)
		}, "handed out twice"},
		{"ids in the wrong order", func(e *evidence) {
			e.ops[200].Ids, e.ops[205].Ids = e.ops[205].Ids, e.ops[200].Ids
		}, "a strong request got lower ids"},
		{"the same, and porcupine's word for it", func(e *evidence) {
			e.ops[200].Ids, e.ops[205].Ids = e.ops[205].Ids, e.ops[200].Ids
		}, "porcupine: audit/x is not linearizable"},
		{"a STRONG id below a WEAK one", func(e *evidence) {
			e.ops[200].Strong = false
			e.ops[200].Ids.First = 1000
			e.marks[strongKeys[0]] = 1000
		}, "porcupine"},
		{"a WEAK id below a STRONG one", func(e *evidence) {
			e.ops[200].Strong, e.ops[203].Strong = false, false
			e.ops[200].Ids, e.ops[203].Ids = e.ops[203].Ids, e.ops[200].Ids
			e.ops[201].Strong, e.ops[202].Strong = false, false
		}, ""},
		{"a WEAK id of a leased key below a STRONG one", func(e *evidence) {
			e.ops[600].Ids, e.ops[601].Ids = e.ops[601].Ids, e.ops[600].Ids
		}, "a strong request got lower ids"},
		{"the same, with workers that have no lease", func(e *evidence) {
			e.ops[601].Ids, e.ops[602].Ids = e.ops[602].Ids, e.ops[601].Ids
			e.ops[602].Strong, e.loose = false, true
		}, ""},
		{"a mark below an id", func(e *evidence) { e.marks[strongKeys[0]]-- }, "above the mark"},
		{"no mark", func(e *evidence) { clear(e.marks) }, "above the mark"},
		{"two answers", func(e *evidence) { e.asks[7].answers = 2 }, "answered 2 times"},
		{"two answers, which the fault explains", func(e *evidence) {
			e.asks[200].answers, e.torn = 2, []window{{stamp(1990), stamp(2010)}}
		}, ""},
		{"two answers, and the fault was later", func(e *evidence) {
			e.asks[200].answers, e.torn = 2, []window{{stamp(2010), stamp(2500)}}
		}, "answered 2 times"},
		{"three answers", func(e *evidence) {
			e.asks[200].answers, e.torn = 3, []window{{stamp(1990), stamp(2010)}}
		}, "answered 3 times"},
		{"no answer", func(e *evidence) { unhear(e, 200) }, "never answered"},
		{"no answer, which the fault explains", func(e *evidence) {
			unhear(e, 200)
			e.swallowed = []window{{stamp(1990), stamp(2010)}}
		}, ""},
		{"no answer, and the fault was earlier", func(e *evidence) {
			unhear(e, 200)
			e.swallowed = []window{{stamp(1000), stamp(1990)}}
		}, "never answered"},
		{"another's answer", func(e *evidence) { e.asks[7].outcome = wrongAnswer }, "wrong answer"},
		{"ids that leak", func(e *evidence) { e.marks[strongKeys[0]] += 100_000 }, "are missing"},
		{"hardly any requests before", func(e *evidence) { e.began = stamp(500) }, "before the fault"},
		{"hardly any requests after", func(e *evidence) { e.healed = stamp(3500) }, "after the fault"},
		{"no requests meanwhile", func(e *evidence) { e.healed = e.began }, "during the fault"},
		{"hardly any leased ids", func(e *evidence) {
			e.asks = e.asks[:400]
		}, "leased ids before the fault"},
		{"not as before in the end", func(e *evidence) { e.asks[399].outcome = "UNAVAILABLE" }, "the last request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := good()
			tt.spoil(&e)
			v := judge(e)
			v.gates(e, measure(e.asks, e.began, e.healed), 150)
			var texts []string
			for _, problem := range v.problems {
				texts = append(texts, problem.Error())
			}
			text := strings.Join(texts, "\n")
			if tt.want == "" && text != "" || !strings.Contains(text, tt.want) {
				t.Errorf("the verdict is %q, want %q", text, tt.want)
			}
		})
	}
}

// unhear takes the answer to a request away.
func unhear(e *evidence, i int) {
	e.asks[i].answers, e.asks[i].outcome = 0, noAnswer
	e.ops = append(e.ops[:i:i], e.ops[i+1:]...)
}

// Figures say when ids stopped, for how long, and when all was well again.
func TestFigures(t *testing.T) {
	e := good()
	for i := 160; i < 260; i++ { // 100 ms into the fault, until 100 ms after it
		e.asks[i].outcome = "UNAVAILABLE"
	}
	f := measure(e.asks, e.began, e.healed)
	if f.outcomes["UNAVAILABLE"] != 100 || f.failed() != 100 {
		t.Errorf("outcomes are %v, want 100 × UNAVAILABLE", f.outcomes)
	}
	if want := 1010 * time.Millisecond; f.strongGap != want {
		t.Errorf("STRONG ids stopped for %v, want %v", f.strongGap, want)
	}
	if want := 99 * time.Millisecond; f.normal != want {
		t.Errorf("the last failure was %v after the fault, want %v", f.normal, want)
	}
	if f.before != 300 || f.during != 200 || f.after != 300 {
		t.Errorf("%d, %d and %d requests before, during and after, want 300, 200 and 300", f.before, f.during, f.after)
	}
	limits := limits{outcomes: "EXPIRED", strongGap: time.Second, weakGap: time.Second, leasedGap: time.Second, normal: time.Millisecond}
	var v verdict
	limits.check(&v, f, 1)
	if len(v.problems) != 3 {
		t.Errorf("figures beyond three limits are found to have %d problems: %v", len(v.problems), v.problems)
	}
	// On a machine that has half the time for it only what took twice as long did.
	v = verdict{}
	limits.check(&v, f, stretch(10*time.Second, 5*time.Second))
	if len(v.problems) != 2 {
		t.Errorf("on a slow machine: %v", v.problems)
	}
}
