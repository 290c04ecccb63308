package seqd

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seqd-io/seqd/subjects"
)

// Sequence hands out the ids of one key to many goroutines, which share
// requests. Create it with [Client.Sequence], once for a key, and keep it. It is
// safe for concurrent use.
//
// A call joins the batch that gathers. While anybody waits, one goroutine sends
// batches: as soon as a request is answered, it closes the next batch, sends one
// request for the ids of all calls in it, and wakes them. Each call knows which part
// of the range is its own. A call that gives up before its batch is sent leaves it.
//
// Strong ids stay strictly in order (guarantee 2 of the package). A batch is closed
// before its request is sent, so its ids are drawn after all its calls have begun. The
// request is for exactly as many ids as the calls want, so nothing is left over for a
// later call. If a call does not wait for its ids, they are a gap. Only the stock of
// [WithPrefetch] keeps ids for later calls, and it is for Weak ids.
//
// Every call has exactly one outcome: ids that no other call gets, or an error.
// An error of the shared request goes to all calls of its batch.
type Sequence struct {
	target *target
	ask    func(context.Context, int) (Range, error) // sends one request: target.ask, but in tests

	spending atomic.Pointer[span] // what is being spent of the stock; nil: no prefetch

	mu      sync.Mutex
	closed  bool
	sending bool         // a goroutine runs send
	batches []*batch     // that wait to be sent; the last one gathers
	calls   atomic.Int64 // of batches; written under mu, read by send without
	sent    *batch       // whose request is under way, or nil
	limit   int          // ids of one request for several calls or for the stock
	crowd   int          // calls that send may hope for before it closes a batch; send's alone
	stock   stock
}

// maxTogether bounds the ids of a request that is not one call's wish. It is
// what a store serves at once unless configured; a store that serves fewer says
// so, and limit follows.
const maxTogether = 100_000

// Sequence returns a handle on key in store, for goroutines that ask for its
// ids concurrently or often. See [Client.NextN] for store and key; the options
// hold for all calls of the sequence. It sends nothing.
//
// The error is an [ErrBadRequest] that says which argument is wrong.
func (c *Client) Sequence(store, key string, opts ...SequenceOption) (*Sequence, error) {
	t, err := newTarget(c, store, key, opts)
	if err == nil && t.settings.repeatable {
		err = badRequest("an idempotency key is for one call, and a sequence's requests are shared by calls")
	}
	if err != nil {
		return nil, explain(store, key, err, "")
	}
	return newSequence(t, t.ask)
}

func newSequence(t *target, ask func(context.Context, int) (Range, error)) (*Sequence, error) {
	s := &Sequence{target: t, ask: ask, limit: maxTogether}
	if ahead := t.settings.prefetch; ahead > 0 {
		if t.settings.mode == Strong {
			return nil, explain(t.store, t.key, badRequest("prefetch is for Weak: ids fetched ahead would break the order that Strong promises"), "")
		}
		t.settings.mode = Weak
		s.stock.max = ahead / 2
		s.spending.Store(new(span))
	}
	return s, nil
}

// Next returns the next id. It is NextN for one id.
func (s *Sequence) Next(ctx context.Context) (int64, error) {
	if stock := s.spending.Load(); stock != nil {
		if id, ok := stock.next(); ok {
			return id, nil
		}
	}
	ids, err := s.share(ctx, 1)
	return ids.First, err
}

// NextN returns the next n ids, a range without holes.
//
// It blocks until the ids are there, ctx ends or the timeout (2 s unless
// [WithTimeout] says otherwise) passes; then it returns at once, and the other
// calls of its batch go on waiting. Where ids lie in stock it does not look at
// ctx. The error is as [Client.NextN] describes it, or wraps [ErrClosed].
func (s *Sequence) NextN(ctx context.Context, n int) (Range, error) {
	if err := checkN(n, subjects.MaxN); err != nil {
		return Range{}, s.explain(err)
	}
	if stock := s.spending.Load(); stock != nil {
		if ids, ok := stock.nextN(n); ok {
			return ids, nil
		}
	}
	return s.share(ctx, n)
}

// Close ends the sequence: calls that wait and later ones return [ErrClosed].
// What is left in stock is a gap. Close does not wait, and may be called twice.
//
// A sequence that is no longer used need not be closed: it holds nothing but
// memory, and its goroutine ends with the last request.
func (s *Sequence) Close() {
	s.mu.Lock()
	s.closed = true
	s.stock.next, s.stock.wanted = nil, 0
	if s.spending.Load() != nil {
		s.spending.Store(new(span))
	}
	if s.sent != nil {
		s.sent.cancel()
	}
	waiting, err := s.batches, s.explain(errSequenceClosed)
	s.batches = nil
	s.calls.Store(0)
	for _, b := range waiting {
		b.finishLocked(Range{}, err)
	}
	s.mu.Unlock()
	for _, b := range waiting {
		close(b.done)
	}
}

// share gets n ids through a request that other calls may share.
func (s *Sequence) share(ctx context.Context, n int) (Range, error) {
	if ctx.Err() != nil {
		return Range{}, s.explain(failure{ended: ending(ctx)})
	}
	var deadline time.Time // set when the call has been in a batch
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return Range{}, s.explain(errSequenceClosed)
		}
		if ids, ok := s.takeLocked(n); ok {
			s.mu.Unlock()
			return ids, nil
		}
		b, at := s.joinLocked(n, deadline)
		s.mu.Unlock()

		if done := ctx.Done(); done == nil {
			<-b.done // spares a fifth of what it costs to wake a goroutine
		} else {
			select {
			case <-b.done:
			case <-done:
				if f, left := s.leave(b, at, n); left {
					f.ended = ending(ctx)
					return Range{}, s.explain(f)
				}
			}
		}
		b.asleep.Done()
		switch {
		case b.err == nil:
			return Range{First: b.ids.First + int64(b.place(at)), N: n}, nil
		case b.err != errAgain:
			return Range{}, b.err
		case b.place(at) == 0 && n == 1:
			return b.ids, nil // the id that showed that it was the number
		}
		deadline = b.deadline
	}
}

func (s *Sequence) explain(err error) error {
	return explain(s.target.store, s.target.key, err, s.target.hint(err))
}
