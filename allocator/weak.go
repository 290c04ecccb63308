package allocator

import (
	"context"
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

	// Observer is told what becomes of ids; nil means nobody is.
	Observer Observer
}

// DefaultMaxKeys is how many keys a Weak holds unless configured otherwise.
const DefaultMaxKeys = 1_000_000

// Weak issues ids from segments, which are ranges that one advance reserved and that
// are spent from memory. It fetches the next segment when half of the current one is
// spent, so that requests rarely wait. The size of segments follows use.
//
// The ids that one Weak hands out for a key increase. At most one advance is under way
// for a key, ranges are spent in the order in which they were reserved, and Weak never
// returns to a range that it has skipped. After a crash or an eviction the rest of the
// segment is a gap.
//
// Weak is safe for concurrent use. Its lock is never held over a call of the Counter
// or a Waiter.
type Weak struct {
	counter  Starter
	config   WeakConfig
	observer Observer
	ctx      context.Context // ends with Stop
	cancel   context.CancelFunc
	started  time.Time      // zero of the clock that stocks tell the time by
	underWay sync.WaitGroup // refills

	owned bool             // the keys' ids are only handed out while tenure holds; see owned.go
	now   func() time.Time // that it is held against

	mu      sync.Mutex
	stopped bool
	keys    table
	clock   clock // the same keys, in the order to forget them

	tenure *Tenure // of all ids that are held, if owned
	owners owners  // of the keys that others own
	others int     // how many these are
	pass   int     // which part of the clock's ring tidy came to last
}

// weakKey is a key whose ids are in memory or on their way. mu guards it. There
// may be millions: its size counts (96 bytes).
type weakKey struct {
	store  *storeName
	name   string
	chain  *weakKey // see table
	stock  stock
	refill *refill // nil unless an advance is under way
}

func (k *weakKey) key() Key { return Key{Store: k.store.name, Name: k.name} }

// NewWeak returns a Weak that advances counter. It must be stopped.
func NewWeak(counter Starter, config WeakConfig) *Weak {
	if config.MaxKeys == 0 {
		config.MaxKeys = DefaultMaxKeys
	}
	if config.Segments == nil {
		config.Segments = func(Key) Segments { return Segments{} }
	}
	w := &Weak{counter: counter, config: config, observer: observerOr(config.Observer), started: time.Now(), keys: newTable()}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// Stop answers the requests that still wait with ErrStopped, and waits until
// the advances under way have ended. Later requests get ErrStopped.
func (w *Weak) Stop() {
	w.mu.Lock()
	w.stopped = true
	w.mu.Unlock()
	w.cancel()
	w.underWay.Wait()
}

// Keys returns how many keys are held in memory.
func (w *Weak) Keys() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.keys.len
}

// Take hands out n ids of key above a mark from memory. Where ok is false it does not
// hold that many, or somebody waits already: call [Weak.Allocate] then. Take never
// blocks and allocates nothing.
func (w *Weak) Take(key Key, n int, above int64) (ids Range, ok bool) {
	w.mu.Lock()
	k := w.keys.get(key)
	if k == nil || w.stopped {
		w.mu.Unlock()
		return Range{}, false
	}
	ids, ok, due := w.takeLocked(k, n, above)
	w.mu.Unlock()
	if due != nil {
		due.start()
	}
	return ids, ok
}

// takeLocked returns a refill that is due, to be started without the lock.
func (w *Weak) takeLocked(k *weakKey, n int, above int64) (ids Range, ok bool, due *refill) {
	if k.refill != nil && k.refill.waiting.count > 0 {
		return Range{}, false, nil // first come, first served
	}
	if c := &k.stock.current; c.First > above && c.N > n { // nearly always
		ids, ok = c.take(n), true
		k.stock.spent += n
	} else {
		ids, ok = w.takeRestLocked(k, n, above)
	}
	k.stock.used = true
	if ok && k.refill == nil && k.stock.low() && !w.tooSoonLocked(k) {
		due = w.refillLocked(k, above)
	}
	return ids, ok, due
}

// takeRestLocked takes ids where the current range perhaps ends with it.
func (w *Weak) takeRestLocked(k *weakKey, n int, above int64) (ids Range, ok bool) {
	if k.stock.current.First <= above {
		w.skipLocked(k, above, GapPeriod)
	}
	held := k.stock.held()
	ids, ok = k.stock.take(n)
	if gap := held - k.stock.held() - ids.N; gap > 0 {
		w.observer.Skipped(k.store.name, gap, GapRemainder)
	}
	return ids, ok
}

// skipLocked drops what is held of k and is not above a mark, and returns how much.
func (w *Weak) skipLocked(k *weakKey, above int64, why Gap) int {
	gap := k.stock.skip(above)
	if gap > 0 {
		w.observer.Skipped(k.store.name, gap, why)
	}
	return gap
}

func (w *Weak) tooSoonLocked(k *weakKey) bool {
	return k.stock.failed && time.Since(w.started)-k.stock.fetched < refillSpacing
}

// Allocate hands out r's ids from memory, or queues r until the next segment is there.
// It never blocks. See Allocator.
func (w *Weak) Allocate(r *Request) {
	r.Waited = NoWait
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		r.Waiter.Allocated(r, Range{}, ErrStopped)
		return
	}
	k := w.keys.get(r.Key)
	if k != nil && k.stock.owner != 0 {
		if owner := w.owners.name(k.stock.owner); owner != r.Asked {
			w.mu.Unlock()
			r.Waiter.Allocated(r, Range{}, &LostRace{Winner: owner, Owner: true})
			return
		}
		w.setOwnerLocked(k, 0)
	}
	if k != nil && w.holdsLocked() {
		if ids, ok, due := w.takeLocked(k, r.N, r.Above); ok {
			w.mu.Unlock()
			r.Waiter.Allocated(r, ids, nil)
			if due != nil {
				due.start()
			}
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
	large := r.N > int(k.stock.size)
	var due *refill
	if k.refill == nil {
		due = w.refillLocked(k, r.Above)
	}
	switch {
	case k.refill.cold:
		r.Waited = WaitCold
	case large:
		r.Waited = WaitLarge
	default:
		r.Waited = WaitLate
	}
	k.refill.waiting.push(r)
	k.refill.deadlines.armLocked(r.Deadline)
	w.mu.Unlock()
	if due != nil {
		due.start()
	}
}

// removeLocked forgets a key that is no more in the clock's ring.
func (w *Weak) removeLocked(k *weakKey) {
	w.setOwnerLocked(k, 0)
	w.keys.remove(k)
}

func (w *Weak) newKeyLocked(key Key) *weakKey {
	for w.keys.len >= w.config.MaxKeys {
		old := w.clock.evict()
		if old == nil {
			break // all are being fetched for: as many as may wait, so bounded too
		}
		w.dropLocked(old, GapEvicted)
		w.removeLocked(old)
	}
	k := w.keys.add(key) // not used yet: keys that are used once go before those in use
	w.clock.add(k)
	return k
}
