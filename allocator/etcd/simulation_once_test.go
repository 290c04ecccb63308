package etcd_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// onceWindow is how long answers are kept: longer than a world lasts.
const onceWindow = 24 * time.Hour

// answersAt is where answers are recorded.
const answersAt = "/seqd/v1/answers/"

// onceOf names what is asked for once.
type onceOf struct {
	key  allocator.Key
	once string
}

func (o onceOf) path() string {
	return answersAt + o.key.Store + "/" + o.key.Name + "/" + url.PathEscape(o.once)
}

// onces is what is known of the requests with one idempotency key. world.mu
// guards it.
type onces struct {
	began int64 // when the first one was asked for
	asked map[wish]bool
	told  bool
	ids   allocator.Range
	of    wish // that got them
	fresh int  // were told that nobody had got the ids before
	again *ask // one that got them
}

// wish is what must be the same for a repeat.
type wish struct {
	n    int
	weak bool
}

func (a *ask) wish() wish { return wish{a.n, a.how == weak} }

// askOnce asks as ask does, or for something that others ask for too, or asked for
// before, or will ask for again.
func (w *world) askOnce(name string, client, i int, key allocator.Key, how mode, n int, patience time.Duration, d *rand.Rand) *ask {
	if d.IntN(100) >= w.plan.once {
		return w.ask(name, client, i, key, how, n, patience)
	}
	once := fmt.Sprintf("order/%d", d.IntN(4*w.plan.rounds))
	what := dice(w.plan.seed, fmt.Sprint(once, key), 0)
	n, how = 1+what.IntN(9), []mode{strong, weak}[what.IntN(2)]
	if d.IntN(16) == 0 { // the idempotency key of another request
		n += d.IntN(2)
		how = []mode{strong, weak}[d.IntN(2)]
	}
	if w.plan.strong {
		how = strong
	}
	a := w.newAsk(client, key, how, n, patience)
	a.once = once
	a.send(i)
	return a
}

// askAgain asks another worker for what was asked for once and got no answer, or
// an error.
func (w *world) askAgain(name string, client int, together []*ask, step int) {
	for j, a := range together {
		if a.once == "" {
			continue
		}
		select {
		case <-a.done:
			if a.err == nil || errors.Is(a.err, allocator.ErrReused) {
				continue
			}
		default:
		}
		w.tally.add("asked again")
		d := dice(w.plan.seed, name+" again", 100*step+j)
		again := w.newAsk(client, a.op.Key, a.how, a.n, 2*time.Second)
		again.once = a.once
		again.send(d.IntN(w.plan.workers))
		patience := time.NewTimer(upTo(d, 2*time.Second))
		select {
		case <-again.done:
		case <-patience.C:
		}
		patience.Stop()
	}
}

// begin notes that a is asked for.
func (w *world) begin(a *ask) {
	if a.once == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	of := onceOf{a.op.Key, a.once}
	o := w.onces[of]
	if o == nil {
		o = &onces{began: a.op.Start, asked: map[wish]bool{}}
		w.onces[of] = o
	}
	o.asked[a.wish()] = true
}

// issuedOnce holds an answer against those that there were with its idempotency
// key. In the history the first of them stands for all: it was asked for when the
// first request was.
func (w *world) issuedOnce(a *ask, c *call, op allocatortest.Op) {
	w.mu.Lock()
	o := w.onces[onceOf{op.Key, a.once}]
	told, ids, of := o.told, o.ids, o.of
	if !told {
		o.told, o.ids, o.of, o.again = true, op.Ids, a.wish(), a
	}
	if !c.Replayed {
		o.fresh++
	}
	fresh, first := o.fresh, o.began
	w.mu.Unlock()
	if c.Replayed {
		w.tally.add("replayed")
	}
	if !told {
		if c.Replayed {
			w.tally.add("first told by a repeat")
		}
		if c.Replayed && w.rewound.Load() && w.plan.workers > 1 && w.plan.cluster == 1 {
			return // see allocator/DESIGN.md: a transaction that crossed the restore may have made the answer
		}
		op.Start = first
		w.issued(a, c, op)
		return
	}
	if w.forgets() {
		return
	}
	if ids != op.Ids || of != a.wish() {
		w.t.Errorf("%v for %q, and before %v for %+v", op, a.once, ids, of)
	}
	if fresh > 1 {
		w.t.Errorf("%v for %q, and nobody was to have got it before", op, a.once)
	}
}

// forgets reports whether what was recorded may be gone: workers that had seen less
// of etcd's history go on after a restore.
func (w *world) forgets() bool {
	return w.rewound.Load()
}

func (w *world) reused(a *ask) {
	w.tally.add("REUSED")
	w.mu.Lock()
	defer w.mu.Unlock()
	o := w.onces[onceOf{a.op.Key, a.once}]
	if a.once == "" || len(o.asked) < 2 || o.told && o.of == a.wish() && !w.forgets() {
		w.t.Errorf("%v was told that %q is another request's", a.op, a.once)
	}
}

// answered notes for which answers an advance has reserved ids.
func (w *world) answered(a *allocator.Advance) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, answer := range a.Answers {
		if answer.IDs.N > 0 && !answer.Replayed {
			w.returned[a.Key][answer.IDs.Last()] = answer.N
		}
	}
}

// once has the request served, as package worker has it.
func (c *call) once() {
	c.Once = &allocator.Once{Key: c.ask.once, Weak: c.ask.how == weak, Window: onceWindow}
	peer := ""
	if c.sw.leases(c.Key) {
		peer = c.sw.issuer.Owner(c.Key)
	} else if !c.Direct {
		peer = c.sw.issuer.Rival(c.Key)
	}
	if peer != "" {
		c.lost(peer)
	} else {
		c.allocate()
	}
}

// finalRepeats: what was answered once is answered so again, by all workers.
func (w *world) finalRepeats() {
	var all []*ask
	for _, o := range w.onces {
		if o.told {
			all = append(all, o.again)
		}
	}
	slices.SortFunc(all, func(a, b *ask) int { return cmp.Compare(a.op.Start, b.op.Start) })
	for j, a := range all[:min(len(all), 10)] {
		again := w.newAsk(0, a.op.Key, a.how, a.n, 10*time.Second)
		again.once = a.once
		again.send(j % len(w.current))
		<-again.done
		if again.err != nil && !w.rewound.Load() {
			w.t.Errorf("after all faults the repeat %q of %v got: %v", again.once, again.op, again.err)
		}
	}
}

// recordedWith returns how many ids the answers have of a key that were recorded at
// a revision, and whether one of them was told that to the advance which asked.
func (w *world) recordedWith(key allocator.Key, rev int64) (ids int, returned bool) {
	prefix := strings.TrimPrefix(pathOf(key), recordsAt) + "/"
	for _, write := range w.answersAt(rev) {
		if path := strings.TrimPrefix(write.path, answersAt); !strings.HasPrefix(path, prefix) {
			continue
		}
		ids += write.IDs.N
		if _, ok := w.returned[key][write.IDs.Last()]; ok {
			returned = true
		}
	}
	return ids, returned
}

// recordedAnswer is one that was put.
type recordedAnswer struct {
	record.Answer
	path string
}

// answersAt returns the answers that were recorded at a revision.
func (w *world) answersAt(rev int64) []recordedAnswer {
	if w.answers == nil {
		w.answers = map[int64][]recordedAnswer{}
		for _, write := range w.server.Writes() {
			if strings.HasPrefix(write.Path, recordsAt) && write.Lease != 0 {
				w.t.Errorf("%s is put with a lease", write.Path)
			}
			if !strings.HasPrefix(write.Path, answersAt) || write.Value == "" {
				continue
			}
			if write.Lease == 0 {
				w.t.Errorf("%s is put without a lease", write.Path)
			}
			answer, err := record.DecodeAnswer([]byte(write.Value))
			if err != nil {
				w.t.Error(err)
				continue
			}
			w.tally.add("answer recorded")
			w.answers[write.Rev] = append(w.answers[write.Rev], recordedAnswer{answer, write.Path})
		}
	}
	return w.answers[rev]
}

// onceOps adds those to a history whose answer is recorded, and was told to nobody:
// nobody else gets their ids, and until they are told they are concurrent with all.
func (w *world) onceOps(ops []allocatortest.Op) []allocatortest.Op {
	w.answersAt(0)
	if w.plan.kind == rewound {
		return ops
	}
	for of, o := range w.onces {
		if o.told {
			continue
		}
		value := w.server.Value(of.path())
		if value == "" {
			continue
		}
		answer, err := record.DecodeAnswer([]byte(value))
		if err != nil {
			w.t.Error(err)
			continue
		}
		ops = append(ops, allocatortest.Op{Key: of.key, Ids: answer.IDs, Strong: !answer.Weak, Start: o.began, End: w.history.Now()})
	}
	return ops
}

// verdictOnce: what was told is recorded, and nothing else is; and each record was
// made with its ids' reservation, once. In the end all of them have gone.
func (w *world) verdictOnce() {
	for of, o := range w.onces {
		if !o.told {
			continue
		}
		answer, err := record.DecodeAnswer([]byte(w.server.Value(of.path())))
		if err != nil || answer.IDs != o.ids || answer.Weak != o.of.weak {
			w.t.Errorf("%+v got %v, and recorded is %+v (%v)", of, o.ids, answer, err)
		}
	}
	times := map[string]int{}
	for rev, answers := range w.answers {
		for _, answer := range answers {
			if times[answer.path]++; times[answer.path] > 1 {
				w.t.Errorf("%s is recorded more than once", answer.path)
			}
			if !w.advancedAt(answer, rev) {
				w.t.Errorf("%s is recorded at revision %d, and its ids %v are not reserved then", answer.path, rev, answer.IDs)
			}
		}
	}
	time.Sleep(onceWindow + 3*time.Minute)
	for of := range w.onces {
		if w.server.Value(of.path()) != "" {
			w.t.Errorf("%+v is still recorded", of)
		}
	}
	if n := w.server.Leases(); n > 0 {
		w.t.Errorf("%d leases have not ended", n)
	}
}

// advancedAt reports whether an answer's ids were reserved at a revision.
func (w *world) advancedAt(answer recordedAnswer, rev int64) bool {
	path := strings.TrimPrefix(answer.path, answersAt)
	path = recordsAt + path[:strings.LastIndex(path, "/")]
	last := int64(0)
	for _, write := range w.server.Writes() {
		if write.Path != path {
			continue
		}
		mark := recordIn(write.Value).Last
		if write.Rev == rev {
			return last < answer.IDs.First && answer.IDs.Last() <= mark
		}
		last = mark
	}
	return false
}
