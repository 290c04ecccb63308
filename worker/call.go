package worker

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/subjects"
)

// call is an accepted request that waits for its ids. The allocator owns it
// until it calls Allocated.
type call struct {
	allocator.Request

	w      *Worker
	store  *store
	weak   bool
	hops   uint8 // how often it was handed over before it came here
	asked  asked
	answer []byte // scratch, kept over uses
}

// asked is what an answer needs to know of the request.
type asked struct {
	reply   string // the subject to answer on
	format  subjects.Format
	nonce   subjects.Nonce
	timeout time.Duration // the caller's patience; 0: none named
	left    time.Duration // what another worker has left of the patience that it has for one who names none; 0: all
	arrived time.Time
	stats   *stats   // where the answer is counted
	lane    lane     // as what
	traced  *Traced  // nil: the caller wants no trace
	special *special // nil: nothing is; not the asked's own before there is a call
}

// outlived reports whether the caller has stopped waiting.
func (a *asked) outlived(now time.Time) bool {
	return a.timeout > 0 && now.Sub(a.arrived) >= a.timeout
}

// greed is how many times as many requests of one store may wait as there are places
// free. A store that asks for more than there is has greed of greed+1 places in the end,
// and the others have the rest, where they find one as soon as they come.
const greed = 7

// calls are used again: a waiting request costs no allocation.
var calls = sync.Pool{New: func() any { return &call{answer: make([]byte, 0, 128)} }}

// accept makes a call of a request, if fewer than MaxWaiting wait, and not nearly all of
// them for the same store.
func (w *Worker) accept(st *store, key allocator.Key, n int, a *asked) (*call, bool) {
	own, free := st.waiting.Add(1), int64(w.config.MaxWaiting)-w.waiting.Add(1)
	if free < 0 || own > greed*(free+1) {
		w.waiting.Add(-1)
		st.waiting.Add(-1)
		return nil, false
	}
	a.traced.waits()
	c := calls.Get().(*call)
	c.w, c.store, c.asked = w, st, *a
	if a.special != nil {
		c.asked.special = a.special.copy()
	}
	if st.Leased {
		st.backend.owing.Add(1)
	}
	patience := w.config.MaxPatience
	if a.timeout > 0 {
		patience = min(patience, a.timeout)
	}
	if a.left > 0 {
		patience = min(patience, a.left)
	}
	c.Request = allocator.Request{Key: key, N: n, Deadline: a.arrived.Add(patience), Waiter: c, Once: c.asked.once()}
	return c, true
}

// Allocated answers the request, or has it handed over to the worker that its key
// turns out to be another's. It runs on the goroutine that brought the ids.
func (c *call) Allocated(_ *allocator.Request, ids allocator.Range, err error) {
	w := c.w
	if lost, ok := errors.AsType[*allocator.LostRace](err); ok {
		if c.hops < maxHops {
			w.handovers.lost.add(c, lost.Winner)
			return
		}
		err = fmt.Errorf("handed over %d times: %w: %w", c.hops, allocator.ErrUnowned, err)
	}
	if c.Waited != allocator.NoWait {
		c.store.stats.waited(c.Waited, time.Since(c.asked.arrived))
	}
	if t := c.asked.traced; t != nil {
		t.Advanced = c.Began
	}
	if err == nil {
		if c.Replayed {
			c.asked.special.replayed = true
		}
		c.answer = w.sendIDs(&c.asked, ids, c.answer)
		c.store.saw(c.Key, ids.Last(), c.asked.rule())
		w.early(ids, c.Above, c.asked.rule())
	} else {
		w.sendError(&c.asked, c.wireError(err))
	}
	c.end()
}

// end frees the place of a request that is answered, or is another worker's to
// answer.
func (c *call) end() {
	w, scratch, arrived := c.w, c.answer, c.asked.arrived
	c.store.waiting.Add(-1)
	if c.store.Leased {
		c.store.backend.owing.Add(-1)
	}
	*c = call{answer: scratch[:0]}
	calls.Put(c)
	if left := w.waiting.Add(-1); left > int64(w.config.MaxWaiting/2) {
		w.waited.Store(int64(time.Since(arrived)))
	}
}

// allocate asks the issuer for c's ids.
func (c *call) allocate() {
	issuer := c.store.backend.issuer
	switch {
	case c.Once != nil:
		issuer.AllocateOnce(&c.Request, c.store.Leased)
	case c.store.Leased:
		issuer.AllocateOwned(&c.Request)
	case c.weak:
		issuer.AllocateWeak(&c.Request)
	default:
		issuer.AllocateStrong(&c.Request)
	}
}

// unowned reports whether it is for want of an owner that c's ids did not come:
// the key's does not answer, and this worker may not be it.
func (c *call) unowned(err error) bool {
	if errors.Is(err, allocator.ErrUnowned) {
		return true
	}
	return errors.Is(err, allocator.ErrExpired) && c.store.Leased && (c.Asked != "" || !c.store.backend.lease.holds(time.Now()))
}

// What callers are told to wait before they try again.
const (
	busyRetry        = 50 * time.Millisecond // at least
	maxBusyRetry     = time.Second
	unavailableRetry = 250 * time.Millisecond
)

// errReplaced is the answer to who asks for a key that nobody owns at present.
var errReplaced = &subjects.Error{Code: subjects.Unavailable, Text: "the key's owner is being replaced", RetryAfter: unavailableRetry}

// busy says to come again when those who wait now will have been served.
func busy(wait time.Duration) *subjects.Error {
	return &subjects.Error{
		Code:       subjects.Busy,
		Text:       subjects.ErrBusy.Text,
		RetryAfter: min(max(wait, busyRetry), maxBusyRetry),
	}
}

// wireError turns an allocator's error into the one the caller gets. Causes
// that speak of etcd go to the log, not to the caller.
func (c *call) wireError(err error) *subjects.Error {
	if e, ok := errors.AsType[*allocator.BusyError](err); ok {
		return busy(e.Wait)
	}
	switch {
	case errors.Is(err, allocator.ErrExhausted):
		return subjects.ErrExhausted
	case errors.Is(err, allocator.ErrReused):
		return errReused
	case errors.Is(err, allocator.ErrStopped):
		return &subjects.Error{Code: subjects.Unavailable, Text: "this worker is stopping", RetryAfter: unavailableRetry}
	case errors.Is(err, allocator.ErrFenced):
		c.store.backend.refused(err)
		c.w.complain("FENCED: etcd's history went backwards", "store", c.Key.Store, "key", c.Key.Name, "err", err, "hint", c.w.config.Advise(ErrFencedRequest))
		return &subjects.Error{Code: subjects.Fenced, Text: "etcd's history went backwards; an operator must act"}
	case errors.Is(err, allocator.ErrUnavailable), errors.Is(err, allocator.ErrExpired):
		c.store.backend.refused(err)
		unowned := c.unowned(err)
		if unowned {
			c.asked.stats.unleased.Add(1)
		}
		if c.asked.outlived(time.Now()) {
			return subjects.ErrExpired
		}
		if unowned {
			return errReplaced
		}
		return &subjects.Error{Code: subjects.Unavailable, Text: subjects.ErrUnavailable.Text, RetryAfter: unavailableRetry}
	case errors.Is(err, allocator.ErrUnreadable):
		c.w.complain("a counter's record is not understood; look at it with etcdctl get", "store", c.Key.Store, "key", c.Key.Name, "err", err)
		return &subjects.Error{Code: subjects.Internal, Text: "the key's record in etcd is not understood"}
	default:
		c.w.complain("allocation failed in an unforeseen way", "store", c.Key.Store, "key", c.Key.Name, "err", err)
		return subjects.ErrInternal
	}
}
