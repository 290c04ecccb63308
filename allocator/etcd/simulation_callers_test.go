package etcd_test

import (
	"errors"
	"fmt"
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
	w        *world
	op       allocatortest.Op // as asked: without an answer
	how      mode
	n        int
	deadline time.Time
	err      error         // readable when done is closed
	done     chan struct{} // closed by the first answer

	once      string // what makes it one that is made once; "": nothing
	answers   atomic.Int32
	died      atomic.Bool // a worker that had it in hand has crashed
	mayRepeat atomic.Bool // two workers have it in hand: a word was lost
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
				key, how = w.plan.hotKey(), []mode{strong, strong, strong, how}[d.IntN(4)]
				n, patience = 1+d.IntN(4), upTo(d, []time.Duration{w.plan.latency, time.Second}[d.IntN(2)])
			}
			if w.plan.kind == calm {
				patience = time.Minute
			}
			if w.plan.strong {
				how = strong
			}
			together = append(together, w.askOnce(name, c, d.IntN(w.plan.workers), key, how, n, patience, dice(w.plan.seed, name+" once", 100*step+len(together))))
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
		w.askAgain(name, c, together, step)
		pause := []time.Duration{1, 100 * time.Microsecond, time.Millisecond, 20 * time.Millisecond, 500 * time.Millisecond}[d.IntN(5)]
		if w.plan.hot {
			pause = min(pause, time.Millisecond)
		}
		time.Sleep(upTo(d, pause))
	}
}

// ask asks worker i.
func (w *world) ask(name string, client, i int, key allocator.Key, how mode, n int, patience time.Duration) *ask {
	a := w.newAsk(client, key, how, n, patience)
	a.send(i)
	return a
}

func (w *world) newAsk(client int, key allocator.Key, how mode, n int, patience time.Duration) *ask {
	if how == advance && w.plan.numbered(key) {
		how = strong // no advance by itself names a period
	}
	a := &ask{w: w, how: how, n: n, deadline: time.Now().Add(patience), done: make(chan struct{})}
	a.op = allocatortest.Op{Key: key, Strong: how == strong || how == advance, Client: client}
	if w.plan.leased(key) {
		a.op.Strong = a.op.Strong || !w.plan.rolling // one draws from the owner in both modes
	}
	w.mu.Lock()
	w.asked = append(w.asked, a)
	w.mu.Unlock()
	return a
}

func (a *ask) send(i int) {
	a.op.Start = a.w.history.Now()
	a.w.begin(a)
	sw := a.w.slot(i)
	sw.whenThawed(func() { sw.handle(a, 0) })
}

// told is the caller's side of an answer: it checks it by itself and enters it
// into the history.
func (a *ask) told(c *call, ids allocator.Range, err error) {
	w := a.w
	op := a.op
	op.End, op.Ids, op.Worker = w.history.Now(), ids, c.sw.number
	switch {
	case err == nil && a.once != "":
		w.issuedOnce(a, c, op)
	case err == nil:
		w.issued(a, c, op)
	case errors.Is(err, allocator.ErrReused):
		w.reused(a)
	case errors.Is(err, allocator.ErrExpired):
		w.tally.add("EXPIRED")
	case errors.Is(err, allocator.ErrStopped):
		w.tally.add("STOPPED")
	case errors.Is(err, allocator.ErrUnavailable):
		w.tally.add("UNAVAILABLE")
	case errors.Is(err, allocator.ErrExhausted):
		w.tally.add("EXHAUSTED")
		if w.plan.kind != ending {
			w.t.Errorf("%v: %v", op, err)
		}
	case errors.Is(err, allocator.ErrFenced):
		w.tally.add("FENCED")
		if !w.rewound.Load() {
			w.t.Errorf("fenced without a reason: %v: %v", op, err)
		}
	default:
		w.t.Errorf("%v: %v", op, err)
	}
	if a.answers.Add(1) > 1 {
		w.tally.add("answered twice") // the verdict is on whether it may be
		return
	}
	a.err = err
	close(a.done)
}

func (w *world) issued(a *ask, c *call, op allocatortest.Op) {
	w.history.Add(op)
	w.tally.n["ids"].Add(int64(op.Ids.N))
	if !w.quiet.Load() && w.plan.faulty > 0 {
		w.tally.n["ids during faults"].Add(int64(op.Ids.N))
	}
	if op.Ids.N != a.n {
		w.t.Errorf("a request for %d ids got %v", a.n, op.Ids)
	}
	if c.revoked {
		w.t.Errorf("%v, though its worker had revoked all ids", op)
	}
	w.checkPeriod(c, op)
	if least := max(w.plan.starts[op.Key], w.plan.floor(op.Key, op.Ids.First)); op.Ids.First <= least {
		w.t.Errorf("%v, not above %d", op, least)
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
				ended := w.ended(key)
				a := w.ask("final", 0, i, key, how, 1, 10*time.Second)
				<-a.done
				switch {
				case a.err == nil:
				case errors.Is(a.err, allocator.ErrExhausted) && (ended || w.ended(key)): // the next period may begin meanwhile
				case errors.Is(a.err, allocator.ErrFenced) && w.rewound.Load():
				default:
					w.t.Errorf("after all faults %v got: %v", a.op, a.err)
				}
			}
		}
	}
}
