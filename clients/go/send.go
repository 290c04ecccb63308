package seqd

import (
	"context"
	"errors"
	"runtime"
	"time"
)

// What send does to let the calls it has just served come again before it closes
// the next batch. Without that the first one back would get a request of its
// own, and all others would have to wait for it, time and again.
const (
	gatherPasses = 16                     // through the scheduler that bring nobody
	gatherTime   = 100 * time.Microsecond // at most, while calls come; about what a request takes
)

// sendLocked starts send unless it runs.
func (s *Sequence) sendLocked() {
	if !s.sending {
		s.sending = true
		go s.send() // under the lock, which it does not block
	}
}

// send serves one batch after the other until nobody waits and no stock is
// wanted.
func (s *Sequence) send() {
	var served *batch
	for {
		s.gather(served)
		ctx, b, n := s.closeBatch()
		if b == nil {
			return
		}
		ids, err := s.request(ctx, b, n)
		if refused(err) && n > 1 && (b.calls > 1 || b.stocks) {
			ids, err = s.probe(ctx, b, n)
		}
		b.cancel()
		s.finish(b, ids, err)
		served = b
	}
}

// gather waits a moment for the calls of served, or nil, to come again at once.
//
// Until they run it does not look for them: a goroutine that yields again and again
// is what an idle processor finds first, so that it never takes any of them over.
func (s *Sequence) gather(served *batch) {
	if s.crowd == 1 {
		return
	}
	if served != nil {
		served.asleep.Wait()
	}
	start, before := time.Now(), -1
	for idle := 0; idle < gatherPasses; idle++ {
		calls := int(s.calls.Load())
		if calls >= s.crowd {
			return
		}
		if calls > before {
			if time.Since(start) > gatherTime {
				return
			}
			before, idle = calls, 0
		}
		runtime.Gosched()
	}
}

// closeBatch takes the batch that is to be sent next, which nobody joins from
// now on, and how many ids to ask for. It returns no batch where there is
// nothing to send: then send has to end.
func (s *Sequence) closeBatch() (ctx context.Context, b *batch, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for b == nil && len(s.batches) > 0 {
		if b = s.popLocked(); b.waiting == 0 {
			b.finishLocked(Range{}, nil) // all have given up: they burn no id
			b = nil
		}
	}
	extra := s.wantedLocked()
	switch {
	case b != nil:
		n = b.n + max(min(extra, s.limit-b.n), 0)
	case extra > 0:
		b = &batch{deadline: time.Now().Add(s.target.settings.timeout)}
		n = min(extra, s.limit)
	default:
		s.sending, s.crowd = false, 0
		return nil, nil, 0
	}
	b.stocks = n > b.n
	ctx, b.cancel = context.WithDeadline(context.Background(), b.deadline)
	s.sent = b
	return ctx, b, n
}

// request asks for n ids on behalf of b until it has them or asking again can't
// help. It ends when the time of b's calls is up.
func (s *Sequence) request(ctx context.Context, b *batch, n int) (Range, error) {
	ids, err := retry(ctx, &s.target.settings, func(ctx context.Context) (Range, error) {
		s.mu.Lock()
		gap := b.gap
		b.attempts++
		b.gap = true // as far as a call knows that leaves now
		s.mu.Unlock()
		ids, err := s.ask(ctx, n)
		if err = outcomeOf(err); err != nil {
			s.mu.Lock()
			b.last, b.gap = err, gap || mayHaveSpent(err)
			s.mu.Unlock()
		}
		return ids, err
	})
	if err != nil {
		return Range{}, s.explain(err)
	}
	return ids, nil
}

// refused reports whether a request for fewer ids might not have failed with
// err.
func refused(err error) bool {
	return errors.Is(err, ErrBadRequest) || errors.Is(err, ErrExhausted)
}

// probe finds out why a request for n ids was refused which was not one call's
// wish: a store serves so many at once, a key has so many left, and no call must
// fail because others asked with it. If one id can be had then it was the number,
// and b's calls try again with fewer.
func (s *Sequence) probe(ctx context.Context, b *batch, n int) (Range, error) {
	ids, err := s.request(ctx, b, 1)
	if err != nil {
		return Range{}, err
	}
	s.mu.Lock()
	s.limit = min(s.limit, n/2)
	s.mu.Unlock()
	return ids, errAgain
}
