package allocator

import (
	"context"
	"errors"
	"time"
)

const (
	// refillPatience bounds an advance nobody waits for yet.
	refillPatience = 5 * time.Second

	// refillPause is the least time from one failed advance to the next one that
	// nobody waits for.
	refillPause = 100 * time.Millisecond
)

// weakQueue is what a key needs only while an advance is under way for it.
type weakQueue struct {
	waiting line
	timer   *time.Timer // runs expire at wake; stopped with the queue
	wake    time.Time
	armed   bool // expire has not run since wake was set

	forgotten bool // the advance under way began before a Forget
	cold      bool // the key has had no segment yet
}

// refillLocked starts an advance for k; none is under way.
func (w *Weak) refillLocked(k *weakKey) {
	k.queue = &weakQueue{cold: k.stock.size == 0}
	w.crew.run(k) // does not block; under the lock, so that Stop does not overtake
}

// fetch advances k's counter until nobody waits for it.
func (w *Weak) fetch(k *weakKey) {
	w.mu.Lock()
	key := k.key() // Forget puts k into another table
	w.mu.Unlock()
	for again := true; again; {
		n, ctx, cancel := w.beginFetch(k, key)
		ids, err := w.counter.Advance(ctx, key, n)
		if errors.Is(err, ErrExhausted) {
			n, ids, err = w.fetchExactly(ctx, k, key, n)
		}
		outOfTime := ctx.Err() != nil
		cancel()
		if err != nil && w.ctx.Err() != nil {
			err, outOfTime = ErrStopped, false
		}
		again = w.endFetch(k, n, ids, err, outOfTime)
	}
}

// beginFetch returns how many ids to reserve, and how long to try.
func (w *Weak) beginFetch(k *weakKey, key Key) (n int, ctx context.Context, cancel context.CancelFunc) {
	sizes := w.config.Segments(key).withDefaults()
	w.mu.Lock()
	now := time.Since(w.started)
	n = max(k.stock.nextSize(sizes, now), k.queue.waiting.ids)
	k.stock.begin(n, now)
	k.queue.forgotten = false
	// The segment is of use also when those who wait now have given up: an
	// advance that took longer than their patience would else never succeed.
	deadline := time.Now().Add(refillPatience)
	if waiting := &k.queue.waiting; waiting.count > 0 && waiting.latest.After(deadline) {
		deadline = waiting.latest
	}
	w.mu.Unlock()
	ctx, cancel = context.WithDeadline(w.ctx, deadline)
	return n, ctx, cancel
}

// fetchExactly asks for what the first one in line needs and no more, where the
// key hasn't n ids left. It returns how many it asked for last.
func (w *Weak) fetchExactly(ctx context.Context, k *weakKey, key Key, n int) (int, Range, error) {
	w.mu.Lock()
	need := 0
	if k.queue.waiting.count > 0 {
		need = k.queue.waiting.head.N
	}
	w.mu.Unlock()
	if need == 0 || need >= n {
		return n, Range{}, ErrExhausted
	}
	ids, err := w.counter.Advance(ctx, key, need)
	return need, ids, err
}

// endFetch puts ids in stock and serves those who wait, in order; n ids were
// asked for. again tells that somebody still waits and another advance is due;
// otherwise the key's queue is gone.
func (w *Weak) endFetch(k *weakKey, n int, ids Range, err error, outOfTime bool) (again bool) {
	var served []grant
	var failed line

	w.mu.Lock()
	q := k.queue
	expired := q.waiting.takeExpired(time.Now()) // expire may not have come to run yet
	k.stock.failed = err != nil
	gap := k.stock.held()
	switch {
	case err != nil:
	case q.forgotten:
		w.observer.Skipped(k.store.name, ids.N, GapRevoked)
	default:
		k.stock.add(ids)
		gap += ids.N
		q.cold = false
		w.observer.Segment(k.store.name, ids.N)
	}
	for q.waiting.count > 0 {
		ids, ok := k.stock.take(q.waiting.head.N)
		if !ok {
			break
		}
		served = append(served, grant{q.waiting.pop(), ids})
		gap -= ids.N
	}
	if gap -= k.stock.held(); gap > 0 {
		w.observer.Skipped(k.store.name, gap, GapRemainder)
	}
	switch {
	case err == nil:
	case errors.Is(err, ErrExhausted):
		failed = q.waiting.takeLarge(n) // a smaller request may still be served
	case outOfTime: // who is left came later and has more patience
	default:
		failed = q.waiting.take()
	}
	again = q.waiting.count > 0
	if !again {
		k.queue = nil
		if q.timer != nil {
			q.timer.Stop()
		}
	}
	w.mu.Unlock()

	expired.serve(Range{}, ErrExpired)
	for _, g := range served {
		g.r.Waiter.Allocated(g.r, g.ids, nil)
	}
	failed.serve(Range{}, err)
	return again
}

type grant struct {
	r   *Request
	ids Range
}

// armLocked sees to it that expire looks at k's queue by deadline.
func (w *Weak) armLocked(k *weakKey, deadline time.Time) {
	q := k.queue
	switch {
	case q.timer == nil:
		q.timer = time.AfterFunc(time.Until(deadline), func() { w.expire(k, q) })
	case !q.armed || deadline.Before(q.wake):
		q.timer.Reset(time.Until(deadline))
	default:
		return // it wakes early enough, and looks again
	}
	q.wake, q.armed = deadline, true
}

// expire answers the requests in q whose deadline has passed.
func (w *Weak) expire(k *weakKey, q *weakQueue) {
	w.mu.Lock()
	q.armed = false
	expired := q.waiting.takeExpired(time.Now())
	if q.waiting.count > 0 {
		w.armLocked(k, q.waiting.earliest)
	}
	w.mu.Unlock()
	expired.serve(Range{}, ErrExpired)
}
