package allocator

import (
	"context"
	"errors"
	"sync"
	"time"
)

// WeakConfig configures a [Weak]. The zero value works.
type WeakConfig struct {
	// Segments returns the sizes for a key. It is called for each advance and
	// must not block; nil means the defaults everywhere.
	Segments func(Key) Segments

	// MaxKeys bounds the keys held in memory: beyond it those not used lately
	// are forgotten, and what is left of their segments is a gap. 0 means
	// DefaultMaxKeys.
	MaxKeys int
}

// DefaultMaxKeys is how many keys a Weak holds unless configured otherwise.
const DefaultMaxKeys = 1_000_000

// Weak issues ids from segments: ranges that one advance reserved and that are
// spent from memory. The next segment is fetched when half of the current one
// is spent, so requests rarely wait; its size follows use.
//
// The ids one Weak hands out for a key increase: at most one advance is under
// way for a key, ranges are spent in the order they were reserved, and a range
// that is skipped is never returned to. After a crash or an eviction the rest
// of the segment is a gap.
//
// Weak is safe for concurrent use. The lock is never held over a call of the
// Counter or a Waiter.
type Weak struct {
	counter Counter
	config  WeakConfig
	crew    *crew[*weakKey]
	ctx     context.Context // ends with Stop
	cancel  context.CancelFunc
	started time.Time // zero of the clock that stocks tell the time by

	mu      sync.Mutex
	stopped bool
	keys    table
	clock   clock // the same keys, in the order to forget them
}

// weakKey is a key whose ids are in memory or on their way. mu guards it. There
// may be millions: its size counts (96 bytes).
type weakKey struct {
	store *storeName
	name  string
	chain *weakKey // see table
	stock stock
	queue *weakQueue // nil unless an advance is under way
}

func (k *weakKey) key() Key { return Key{Store: k.store.name, Name: k.name} }

// weakQueue is what a key needs only while an advance is under way for it.
type weakQueue struct {
	waiting line
	timer   *time.Timer // runs expire at wake; stopped with the queue
	wake    time.Time
	armed   bool // expire has not run since wake was set
}

const (
	// refillPatience bounds an advance nobody waits for yet.
	refillPatience = 5 * time.Second

	// refillPause is the least time from one failed advance to the next one that
	// nobody waits for.
	refillPause = 100 * time.Millisecond
)

// NewWeak returns a Weak over counter. It must be stopped.
func NewWeak(counter Counter, config WeakConfig) *Weak {
	if config.MaxKeys == 0 {
		config.MaxKeys = DefaultMaxKeys
	}
	if config.Segments == nil {
		config.Segments = func(Key) Segments { return Segments{} }
	}
	w := &Weak{counter: counter, config: config, started: time.Now(), keys: newTable()}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.crew = newCrew(w.fetch)
	return w
}

// Stop answers the requests that still wait with ErrStopped, and waits until
// the advances under way have returned. Later requests get ErrStopped.
func (w *Weak) Stop() {
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return
	}
	w.stopped = true
	w.mu.Unlock()
	w.cancel()
	w.crew.close()
}

// Keys returns how many keys are held in memory.
func (w *Weak) Keys() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.keys.len
}

// Take hands out n ids of key from memory; ok is false where it does not hold
// as many, or somebody waits already: ask [Weak.Allocate] then. It never blocks
// and allocates nothing.
func (w *Weak) Take(key Key, n int) (ids Range, ok bool) {
	w.mu.Lock()
	k := w.keys.get(key)
	if k == nil || w.stopped {
		w.mu.Unlock()
		return Range{}, false
	}
	ids, ok = w.takeLocked(k, n)
	w.mu.Unlock()
	return ids, ok
}

func (w *Weak) takeLocked(k *weakKey, n int) (ids Range, ok bool) {
	if k.queue != nil && k.queue.waiting.count > 0 {
		return Range{}, false // first come, first served
	}
	ids, ok = k.stock.take(n)
	k.stock.used = true
	if ok && k.queue == nil && k.stock.low() && !w.pausedLocked(k) {
		w.refillLocked(k)
	}
	return ids, ok
}

func (w *Weak) pausedLocked(k *weakKey) bool {
	return k.stock.failed && time.Since(w.started)-k.stock.fetched < refillPause
}

// Allocate hands out r's ids from memory, or queues r until the next segment is
// there; it never blocks. See [Allocator].
func (w *Weak) Allocate(r *Request) {
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		r.Waiter.Allocated(r, Range{}, ErrStopped)
		return
	}
	k := w.keys.get(r.Key)
	if k != nil {
		if ids, ok := w.takeLocked(k, r.N); ok {
			w.mu.Unlock()
			r.Waiter.Allocated(r, ids, nil)
			return
		}
	}
	if !r.Deadline.After(time.Now()) { // it would only burn ids
		w.mu.Unlock()
		r.Waiter.Allocated(r, Range{}, ErrExpired)
		return
	}
	if k == nil {
		k = w.newKeyLocked(r.Key)
	}
	if k.queue == nil {
		w.refillLocked(k)
	}
	k.queue.waiting.push(r)
	w.armLocked(k, r.Deadline)
	w.mu.Unlock()
}

func (w *Weak) newKeyLocked(key Key) *weakKey {
	for w.keys.len >= w.config.MaxKeys {
		old := w.clock.evict()
		if old == nil {
			break // all are being fetched for: as many as may wait, so bounded too
		}
		w.keys.remove(old)
	}
	k := w.keys.add(key) // not used yet: keys that are used once go before those in use
	w.clock.add(k)
	return k
}

// refillLocked starts an advance for k; none is under way.
func (w *Weak) refillLocked(k *weakKey) {
	k.queue = new(weakQueue)
	w.crew.run(k) // does not block; under the lock, so that Stop does not overtake
}

// fetch advances k's counter until nobody waits for it.
func (w *Weak) fetch(k *weakKey) {
	for again := true; again; {
		n, ctx, cancel := w.beginFetch(k)
		ids, err := w.counter.Advance(ctx, k.key(), n)
		if errors.Is(err, ErrExhausted) {
			n, ids, err = w.fetchExactly(ctx, k, n)
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
func (w *Weak) beginFetch(k *weakKey) (n int, ctx context.Context, cancel context.CancelFunc) {
	sizes := w.config.Segments(k.key()).withDefaults()
	w.mu.Lock()
	now := time.Since(w.started)
	n = max(k.stock.nextSize(sizes, now), k.queue.waiting.ids)
	k.stock.begin(n, now)
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
func (w *Weak) fetchExactly(ctx context.Context, k *weakKey, n int) (int, Range, error) {
	w.mu.Lock()
	need := 0
	if k.queue.waiting.count > 0 {
		need = k.queue.waiting.head.N
	}
	w.mu.Unlock()
	if need == 0 || need >= n {
		return n, Range{}, ErrExhausted
	}
	ids, err := w.counter.Advance(ctx, k.key(), need)
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
	if err == nil {
		k.stock.add(ids)
	}
	for q.waiting.count > 0 {
		ids, ok := k.stock.take(q.waiting.head.N)
		if !ok {
			break
		}
		served = append(served, grant{q.waiting.pop(), ids})
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
