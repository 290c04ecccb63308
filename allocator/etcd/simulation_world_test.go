package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/allocator/etcd/etcdsim"
)

// world is one run: an etcd, workers, callers, and what became of it all.
type world struct {
	t       testing.TB
	plan    plan
	began   time.Time
	server  *etcdsim.Server
	history allocatortest.History
	tally   tally
	quiet   atomic.Bool // no faults any more
	rewound atomic.Bool

	mu       sync.Mutex
	opened   []*simWorker // all there ever were
	current  []*simWorker
	asked    []*ask
	returned map[allocator.Key]map[int64]int // what advances returned, as last → n
	sizes    map[allocator.Key]map[int]bool  // what advances asked for
	failed   int                             // advances
	disorder error                           // of strong ids, where that was to be expected
	onces    map[onceOf]*onces
	answers  map[int64][]recordedAnswer // by revision; see answersAt
}

func newWorld(t testing.TB, p plan) *world {
	w := &world{
		t: t, plan: p, began: time.Now(), server: etcdsim.New(), tally: newTally(),
		current:  make([]*simWorker, p.workers),
		returned: map[allocator.Key]map[int64]int{},
		sizes:    map[allocator.Key]map[int]bool{},
		onces:    map[onceOf]*onces{},
	}
	if p.maxOps > 0 {
		w.server.SetMaxOps(p.maxOps)
	}
	for _, key := range p.keys {
		w.returned[key], w.sizes[key] = map[int64]int{}, map[int]bool{}
		if start, ok := p.starts[key]; ok {
			w.seed(key, start)
		}
	}
	for i := range w.current {
		w.open(i)
	}
	return w
}

// run lets everything happen, and returns when it has.
func (w *world) run() {
	if w.plan.kind == rewound {
		w.warm()
	}
	ctx, cancel := context.WithCancel(context.Background())
	var callers, others sync.WaitGroup
	if w.plan.restarts {
		for i := range w.current {
			others.Go(func() { w.restart(ctx, i) })
		}
	}
	if w.plan.lease > 0 && w.plan.kind != calm {
		for i := range w.current {
			others.Go(func() { w.trouble(ctx, i) })
		}
	}
	if w.plan.kind == rewound {
		callers.Go(w.rewind)
	}
	for c := range w.plan.callers {
		callers.Go(func() { w.caller(c) })
	}
	callers.Wait()
	cancel()
	others.Wait()

	w.quiet.Store(true)
	time.Sleep(20 * time.Second) // what comes late comes
	w.finalRequests()
	w.finalRepeats()
	for _, sw := range w.current {
		sw.stop()
	}
	time.Sleep(20 * time.Second) // and so do peers' words
	synctest.Wait()
}

// warm has every worker see the etcd that is there, without faults.
func (w *world) warm() {
	w.quiet.Store(true)
	for i := range w.current {
		a := w.ask("warm", 0, i, w.plan.keys[0], strong, 1, 10*time.Second)
		<-a.done
	}
	w.quiet.Store(false)
}

// restart stops or crashes a worker now and then, and starts another one.
func (w *world) restart(ctx context.Context, i int) {
	for step := 0; ; step++ {
		d := dice(w.plan.seed, fmt.Sprint("restart ", i), step)
		timer := time.NewTimer(upTo(d, 500*time.Millisecond+4*w.plan.lease))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		old := w.slot(i)
		w.open(i)
		if d.IntN(2) == 0 {
			w.tally.add("crash")
			old.crash()
		} else {
			w.tally.add("stop")
			old.stop()
		}
	}
}

// rewind puts etcd back to what it was some time before.
func (w *world) rewind() {
	d := dice(w.plan.seed, "rewind", 0)
	time.Sleep(upTo(d, 50*time.Millisecond))
	backup := w.server.Snapshot()
	time.Sleep(upTo(d, 50*time.Millisecond))
	w.rewound.Store(true)
	w.server.Restore(backup, w.plan.cluster)
	w.tally.add("rewind")
}

// open starts the i-th worker.
func (w *world) open(i int) {
	w.mu.Lock()
	number := len(w.opened) + 1
	w.opened = append(w.opened, nil)
	w.mu.Unlock()
	sw := newSimWorker(w, number)
	w.mu.Lock()
	w.opened[number-1], w.current[i] = sw, sw
	w.mu.Unlock()
}

func (w *world) slot(i int) *simWorker {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.current[i]
}

// worker returns the one of that id; nil if it is none of ours.
func (w *world) worker(id string) *simWorker {
	number, err := strconv.Atoi(strings.TrimPrefix(id, "w"))
	if err != nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opened[number-1]
}

// advanced notes what became of an advance.
func (w *world) advanced(key allocator.Key, n int, ids allocator.Range, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sizes[key][n] = true
	switch {
	case err == nil && ids.N > 0:
		w.returned[key][ids.Last()] = n
	case err != nil && !errors.Is(err, allocator.ErrExhausted):
		w.failed++
	}
}

const recordsAt = "/seqd/v1/counters/"

func pathOf(key allocator.Key) string { return recordsAt + key.Store + "/" + key.Name }

// tally counts what happened, by name.
type tally struct {
	n map[string]*atomic.Int64 // complete from the beginning, so that it needs no lock
}

// happenings are what a tally counts besides faultNames.
var happenings = []string{
	"cut off", "peer slow", "message lost", "nobody there", "not taken", "word late", "answered twice", "handed on",
	"owned from memory", "lost to an owner", "taken over, gone", "taken over, stood still", "tenure over", "session ended", "released", "given back",
	"renewed", "renewal lost", "renewal held", "let go", "frozen", "told to let go", "ambiguous", "ambiguous puts", "too large", "race lost", "shared", "nested", "handed over", "crash", "stop", "rewind", "revoked",
	"ids", "ids during faults", "strong", "weak", "weak from memory", "advance", "gave up",
	"once", "replayed", "first told by a repeat", "asked again", "REUSED", "answer recorded", "answers' lease", "answers' lease gone", "overtaken", "period begun", "period over", "clock behind",
	"EXPIRED", "UNAVAILABLE", "STOPPED", "EXHAUSTED", "FENCED", "gap", "record written",
}

func newTally() tally {
	t := tally{n: map[string]*atomic.Int64{}}
	for _, name := range append(happenings, faultNames...) {
		t.n[name] = new(atomic.Int64)
	}
	return t
}

func (t *tally) add(name string) { t.n[name].Add(1) }

func (t *tally) addAll(other tally) {
	for name, n := range other.n {
		t.n[name].Add(n.Load())
	}
}
