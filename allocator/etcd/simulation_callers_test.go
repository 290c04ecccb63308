package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// mode is the way an ask goes.
type mode int

const (
	strong mode = iota
	weak
	take    // weak, from memory if it can be, as a worker does it
	advance // past the allocators, with a context that may be cancelled
)

// ask is a request of a caller.
type ask struct {
	allocator.Request
	w       *world
	sw      *simWorker
	op      allocatortest.Op
	revoked bool          // sw had revoked all ids before it was asked
	err     error         // readable when done is closed
	done    chan struct{} // closed by the first answer
	answers atomic.Int32
}

// caller asks, waits for the answers or gives up, and asks again.
func (w *world) caller(c int) {
	name := fmt.Sprint("caller ", c)
	time.Sleep(upTo(dice(w.plan.seed, name, -1), time.Millisecond)) // nobody begins together with another
	for step := range w.plan.rounds {
		d := dice(w.plan.seed, name, step)
		var together []*ask
		for range 1 + d.IntN(2)*d.IntN(3) {
			key := w.plan.keys[d.IntN(1+d.IntN(len(w.plan.keys)))] // some more than others
			n, how, patience := 1+d.IntN(1+d.IntN(50)), mode(d.IntN(4)), upTo(d, 2*time.Second)
			if d.IntN(4) == 0 {
				patience = upTo(d, 3*w.plan.latency)
			}
			if w.plan.hot {
				key, how = w.plan.keys[0], []mode{strong, strong, strong, how}[d.IntN(4)]
				n, patience = 1+d.IntN(4), upTo(d, []time.Duration{w.plan.latency, time.Second}[d.IntN(2)])
			}
			if w.plan.kind == calm {
				patience = time.Minute
			}
			if w.plan.strong {
				how = strong
			}
			together = append(together, w.ask(name, c, d.IntN(w.plan.workers), key, how, n, patience))
		}
		patience := time.NewTimer(upTo(d, 3*time.Second))
		if w.plan.kind == calm {
			patience.Reset(time.Hour)
		}
		for _, a := range together {
			select {
			case <-a.done:
			case <-patience.C:
				w.tally.add("gave up")
				patience.Reset(1)
			}
		}
		patience.Stop()
		pause := []time.Duration{1, 100 * time.Microsecond, time.Millisecond, 20 * time.Millisecond, 500 * time.Millisecond}[d.IntN(5)]
		if w.plan.hot {
			pause = min(pause, time.Millisecond)
		}
		time.Sleep(upTo(d, pause))
	}
}

// ask asks worker i.
func (w *world) ask(name string, client, i int, key allocator.Key, how mode, n int, patience time.Duration) *ask {
	sw := w.slot(i)
	a := &ask{w: w, sw: sw, revoked: sw.revoked.Load(), done: make(chan struct{})}
	a.op = allocatortest.Op{Key: key, Strong: how == strong || how == advance, Client: client, Worker: sw.number}
	a.Request = allocator.Request{Key: key, N: n, Deadline: time.Now().Add(patience), Waiter: a}
	w.mu.Lock()
	w.asked = append(w.asked, a)
	w.mu.Unlock()

	a.op.Start = w.history.Now()
	switch how {
	case strong:
		sw.issuer.AllocateStrong(&a.Request)
		w.tally.add("strong")
	case take:
		if ids, ok := sw.issuer.Take(key, n); ok {
			w.tally.add("weak from memory")
			a.Allocated(&a.Request, ids, nil)
			break
		}
		fallthrough
	case weak:
		sw.issuer.AllocateWeak(&a.Request)
		w.tally.add("weak")
	case advance:
		w.tally.add("advance")
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		go func() {
			defer cancel()
			ids, err := advances{sw.counter, w}.Advance(ctx, key, n)
			a.Allocated(&a.Request, ids, err)
		}()
	}
	return a
}

// Allocated checks an answer by itself and enters it into the history.
func (a *ask) Allocated(_ *allocator.Request, ids allocator.Range, err error) {
	w := a.w
	if a.answers.Add(1) > 1 {
		w.t.Errorf("another answer for %v: %v, %v", a.op, ids, err)
		return
	}
	a.op.End, a.op.Ids, a.err = w.history.Now(), ids, err
	switch {
	case a.sw.crashed.Load():
	case err == nil:
		w.issued(a, ids)
	case errors.Is(err, allocator.ErrExpired):
		w.tally.add("EXPIRED")
	case errors.Is(err, allocator.ErrStopped):
		w.tally.add("STOPPED")
	case errors.Is(err, allocator.ErrUnavailable):
		w.tally.add("UNAVAILABLE")
	case errors.Is(err, allocator.ErrExhausted):
		w.tally.add("EXHAUSTED")
		if w.plan.kind != ending {
			w.t.Errorf("%v: %v", a.op, err)
		}
	case errors.Is(err, allocator.ErrFenced):
		w.tally.add("FENCED")
		if !w.rewound.Load() {
			w.t.Errorf("fenced without a reason: %v: %v", a.op, err)
		}
	default:
		w.t.Errorf("%v: %v", a.op, err)
	}
	close(a.done)
}

func (w *world) issued(a *ask, ids allocator.Range) {
	w.history.Add(a.op)
	w.tally.n["ids"].Add(int64(ids.N))
	if !w.quiet.Load() && w.plan.faulty > 0 {
		w.tally.n["ids during faults"].Add(int64(ids.N))
	}
	if ids.N != a.N {
		w.t.Errorf("a request for %d ids got %v", a.N, ids)
	}
	if a.revoked {
		w.t.Errorf("%v, though its worker had revoked all ids", a.op)
	}
	if least := max(w.plan.starts[a.Key], w.plan.floors[a.Key]); ids.First <= least {
		w.t.Errorf("%v, not above %d", a.op, least)
	}
	// Nothing leaves a worker before the mark that covers it is durable.
	if mark := markIn(w.server.Value(pathOf(a.Key))); mark < ids.Last() && !w.rewound.Load() {
		w.t.Errorf("%v, but the mark is at %d", a.op, mark)
	}
}

// finalRequests: when all faults are over, everybody is served again.
func (w *world) finalRequests() {
	for i := range w.current {
		for _, key := range w.plan.keys {
			for _, how := range []mode{strong, weak, advance} {
				if w.plan.strong && how == weak {
					continue
				}
				a := w.ask("final", 0, i, key, how, 1, 10*time.Second)
				<-a.done
				switch {
				case a.err == nil:
				case errors.Is(a.err, allocator.ErrExhausted) && w.mark(key) == math.MaxInt64:
				case errors.Is(a.err, allocator.ErrFenced) && w.rewound.Load():
				default:
					w.t.Errorf("after all faults %v got: %v", a.op, a.err)
				}
			}
		}
	}
}
