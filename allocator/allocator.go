package allocator

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Key is the identity of a counter. Two stores may use one name: the counters
// are different.
type Key struct{ Store, Name string }

// Clone returns k in memory of its own. Whoever keeps a key needs it: what a key was
// read from, a message of a thousand requests perhaps, is else kept with it.
func (k Key) Clone() Key {
	both := k.Store + k.Name
	return Key{Store: both[:len(k.Store)], Name: both[len(k.Store):]}
}

// Range is N contiguous ids, First to First+N-1. The zero value is empty.
type Range struct {
	First int64
	N     int
}

// Last returns the greatest id of a range that is not empty.
func (r Range) Last() int64 { return r.First + int64(r.N) - 1 }

// skip cuts off the ids that are not above a mark, and returns how many.
func (r *Range) skip(above int64) int {
	n := int(min(int64(r.N), max(above-r.First+1, 0)))
	r.First, r.N = r.First+int64(n), r.N-n
	return n
}

// take cuts the n lowest ids off r, which must hold as many.
func (r *Range) take(n int) Range {
	head := Range{First: r.First, N: n}
	r.First, r.N = r.First+int64(n), r.N-n
	return head
}

// Counter is a durable mark per key.
type Counter interface {
	// Advance reserves n ids of key, with 1 ≤ n, and blocks until the reservation is
	// durable or ctx ends.
	//
	// Ranges of one key never overlap. A call that begins after another one returned
	// gets greater ids, wherever the two were made.
	//
	// The error is, or wraps, [ErrExhausted], [ErrFenced], [ErrUnreadable],
	// [ErrUnavailable] or [ErrBusy]. Where trying again can help, a Counter does so by
	// itself as long as ctx lasts. After any error but ErrExhausted the mark may have
	// moved, or may move later: the ids are a gap.
	//
	// Advance is safe for concurrent use.
	Advance(ctx context.Context, key Key, n int) (Range, error)
}

var (
	// ErrExhausted is returned when fewer ids than asked for are left below
	// math.MaxInt64. Nothing was reserved.
	ErrExhausted = errors.New("allocator: ids exhausted")

	// ErrUnavailable is returned when the counter can't be reached or refuses
	// to write.
	ErrUnavailable = errors.New("allocator: counter unavailable")

	// ErrUnowned is returned when the owner of the key does not answer and may not be
	// replaced yet, or when this process may own nothing. It is an ErrUnavailable.
	ErrUnowned = fmt.Errorf("%w: the key has no owner that answers", ErrUnavailable)

	// ErrBusy is returned when the counter can't do what is asked of it before ctx
	// ends, because too much else is asked. It is a [*BusyError].
	ErrBusy = errors.New("allocator: counter busy")

	// ErrFenced is returned when the counter's history went backwards, as after
	// a restored backup. An operator must act.
	ErrFenced = errors.New("allocator: counter history went backwards")

	// ErrUnreadable is returned when a key's record is of a form this version
	// does not understand. The record is left as it is.
	ErrUnreadable = errors.New("allocator: counter record not understood")

	// ErrReused is returned when a request has the idempotency key of an earlier
	// request that asked for something else. Nothing was reserved.
	ErrReused = errors.New("allocator: the idempotency key is that of another request")

	// ErrExpired is returned when a request's deadline passed while it waited.
	// Ids may have been reserved for it; nobody gets them.
	ErrExpired = errors.New("allocator: request expired")

	// ErrStopped is returned when the allocator has been stopped.
	ErrStopped = errors.New("allocator: stopped")
)

// BusyError is an [ErrBusy].
type BusyError struct {
	Wait time.Duration // how long an advance takes at present, with its time in the queue
}

func (e *BusyError) Error() string { return fmt.Sprintf("%v: an advance takes %v", ErrBusy, e.Wait) }

// Is reports whether target is ErrBusy.
func (e *BusyError) Is(target error) bool { return target == ErrBusy }

// Allocator is what Strong and Weak have in common.
type Allocator interface {
	// Allocate asks for r.N ids of r.Key and does not block. r.Waiter gets the outcome
	// exactly once, before Allocate returns or later on another goroutine. Until then
	// r belongs to the allocator.
	Allocate(r *Request)
}

// Request is one caller's request for ids. Its memory may be used again after the
// Waiter was told.
type Request struct {
	Key      Key
	N        int       // how many ids, at least 1
	Deadline time.Time // answered with ErrExpired once this has passed
	Waiter   Waiter

	// Above is a mark that the ids must be greater than: of a key that counts in
	// periods, that of the one which has begun by the time of who asks.
	Above int64

	// Once makes the request one that may be made again, unless it is nil. Whoever
	// makes it again gets the same ids.
	Once *Once

	// Replayed is set before the Waiter is told: an earlier request had got the ids.
	Replayed bool

	// Direct says that another process passed the request on to this one, or was asked
	// in vain. The request is then served here, unless another process owns the key.
	Direct bool

	// Asked is the process that was asked in vain, "" if none was: see [Advance].
	Asked string

	// Began is the time at which the advance began that the request waited for last.
	// The allocator sets it before it tells the Waiter. Zero means that there was
	// none, or, for a [Weak], that it is not known.
	Began time.Time

	// Waited is set by Weak: why the request had to wait.
	Waited WaitCause

	answer int      // which of an advance's Answers is for it; set if it has a Once
	next   *Request // in a line; owned by the allocator
}

// Waiter is told the outcome of a Request.
type Waiter interface {
	// Allocated gets the ids of r, which are r.N, or an error. It must not block,
	// because other requests wait behind it. After a [*LostRace], r can be handed over
	// to the winner, or be asked for again with Direct and Asked.
	Allocated(r *Request, ids Range, err error)
}

// DefaultPatience bounds [Wait] for a context without a deadline.
const DefaultPatience = 5 * time.Second

// Wait asks a for n ids of key, and blocks until it has them or an error. If ctx is
// cancelled before that, the ids are a gap.
func Wait(ctx context.Context, a Allocator, key Key, n int) (Range, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(DefaultPatience)
	}
	w := make(waitChan, 1)
	a.Allocate(&Request{Key: key, N: n, Deadline: deadline, Waiter: w})
	select {
	case o := <-w:
		return o.ids, o.err
	case <-ctx.Done():
		return Range{}, context.Cause(ctx)
	}
}

type outcome struct {
	ids Range
	err error
}

// waitChan has room for its one outcome, so that telling it never blocks.
type waitChan chan outcome

func (w waitChan) Allocated(_ *Request, ids Range, err error) { w <- outcome{ids, err} }
