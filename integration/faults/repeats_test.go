package faults

import (
	"errors"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/subjects"
)

const day = allocator.Period(20_000)

// goodBills returns answers of two days that nothing is wrong with, of one caller
// who asks in STRONG mode, and the marks after them.
func goodBills() (*bills, map[allocator.Key]int64) {
	b := &bills{}
	for i := range 100 {
		p := day + allocator.Period(i/50)
		b.ops = append(b.ops, allocatortest.Op{
			Start: stamp(10 * i), End: stamp(10*i + 9), Key: billKeys[0], Strong: true,
			Ids: allocator.Range{First: p.Mark(int64(i%50 + 1)), N: 1},
		})
	}
	return b, map[allocator.Key]int64{billKeys[0]: (day + 1).Mark(50)}
}

// What is held against answers that can be asked for again finds each promise that
// is broken.
func TestBillsVerdictFinds(t *testing.T) {
	for _, tt := range []struct {
		name    string
		spoil   func(*bills, map[allocator.Key]int64)
		forgets bool
		want    string // in a problem; "": there is none
	}{
		{"nothing", func(*bills, map[allocator.Key]int64) {}, false, ""},
		{"an id twice in a day", func(b *bills, _ map[allocator.Key]int64) { b.ops[80].Ids.First-- }, false, "handed out twice"},
		{"an id of the day before", func(b *bills, _ map[allocator.Key]int64) { b.ops[80].Ids.First = day.Mark(51) }, false, "a strong request got lower ids"},
		{"a mark of the day before", func(_ *bills, marks map[allocator.Key]int64) { marks[billKeys[0]] = day.Mark(1000) }, false, "above the mark"},
		{"a repeat with other ids", func(b *bills, _ map[allocator.Key]int64) { b.forgot = 1 }, false, "1 repeats got other ids"},
		{"the same, of an answer that is lost", func(b *bills, _ map[allocator.Key]int64) { b.forgot = 1 }, true, ""},
		{"something that a caller saw", func(b *bills, _ map[allocator.Key]int64) { b.problems = []error{errors.New("seen")} }, false, "seen"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, marks := goodBills()
			tt.spoil(b, marks)
			var v verdict
			b.judge(&v, marks, tt.forgets, false)
			var texts []string
			for _, problem := range v.problems {
				texts = append(texts, problem.Error())
			}
			if text := strings.Join(texts, "\n"); tt.want == "" && text != "" || !strings.Contains(text, tt.want) {
				t.Errorf("the verdict is %q, want %q", text, tt.want)
			}
		})
	}
}

// A repeat is held against the answer that it repeats.
func TestRepeatsAreCompared(t *testing.T) {
	b := &bills{}
	w := &bill{n: 2, once: "x"}
	reply := subjects.Reply{ID: 7, N: 2, Period: "2026-11-29", Numbers: []string{"2026-11-29-7", "2026-11-29-8"}}
	b.tookLocked(w, reply, 1)
	reply.Replayed = true
	b.tookLocked(w, reply, 2)
	if len(b.ops) != 1 || b.forgot != 0 || len(b.problems) != 0 {
		t.Fatalf("a good repeat: got %+v", b)
	}
	reply.Replayed = false
	if b.tookLocked(w, reply, 3); len(b.problems) != 1 {
		t.Errorf("a repeat that does not say so is not found")
	}
	reply.ID, reply.Numbers = 9, []string{"2026-11-29-9", "2026-11-29-10"}
	if b.tookLocked(w, reply, 4); b.forgot != 1 || len(b.ops) != 2 {
		t.Errorf("other ids are not found")
	}
	reply.Numbers[1] = "2026-11-29-11"
	if b.tookLocked(w, reply, 5); len(b.problems) != 2 {
		t.Errorf("a number of another id is not found")
	}
}
