package allocator

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Strong issues strictly increasing ids by group commit: all requests that
// wait for a key share one advance.
//
// One request's way: Allocate puts it into its key's line. As soon as the key's
// previous advance is back, a goroutine closes the line as a batch, advances
// the counter by the batch's sum, and cuts the range up.
//
// Why that is strict (invariant 2 of the package): a batch is closed before its
// advance begins, so whatever the advance returns was reserved after every
// request of the batch had arrived; and what is left of the range is dropped.
// A request that joined a batch under way, or got a left-over, could be
// overtaken by an id that somebody else received before the request was made.
//
// Strong is safe for concurrent use. The lock is never held over a call of the
// Counter or a Waiter.
type Strong struct {
	counter Counter
	relay   Relay // the same one; nil if it isn't one
	crew    *crew[*strongKey]
	ctx     context.Context // ends with Stop
	cancel  context.CancelFunc

	mu      sync.Mutex
	stopped bool
	keys    map[Key]*strongKey // the keys somebody waits for, each with one goroutine at work
	free    []*strongKey       // for the next keys
}

// strongKey is a key that is being worked on. mu guards all of it; batch is
// taken from and put to by the key's goroutine, and thinned by expire.
type strongKey struct {
	key     Key
	waiting line // requests for the next advance
	batch   line // requests the advance under way serves: nobody joins

	timer *time.Timer // runs expire at wake; never stopped, only found early
	wake  time.Time
	armed bool // expire has not run since wake was set
}

// maxFree bounds the idle strongKeys that are kept.
const maxFree = 1024

// NewStrong returns a Strong over counter, which may be a [Relay]. It must be
// stopped.
func NewStrong(counter Counter) *Strong {
	s := &Strong{counter: counter, keys: map[Key]*strongKey{}}
	s.relay, _ = counter.(Relay)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.crew = newCrew(s.work)
	return s
}

// Stop answers the requests that still wait with ErrStopped, and waits until
// the advances under way have returned. Later requests get ErrStopped.
func (s *Strong) Stop() {
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		return
	}
	s.stopped = true
	s.mu.Unlock()
	s.cancel()
	s.crew.close()
}

// Allocate queues r; it never blocks. See [Allocator].
func (s *Strong) Allocate(r *Request) {
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		r.Waiter.Allocated(r, Range{}, ErrStopped)
		return
	}
	k, busy := s.keys[r.Key]
	if !busy {
		k = s.newKeyLocked(r.Key)
	}
	k.waiting.push(r)
	s.armLocked(k, r.Deadline)
	if !busy {
		// Under the lock, so that Stop does not overtake; it does not block.
		s.crew.run(k)
	}
	s.mu.Unlock()
}

func (s *Strong) newKeyLocked(key Key) *strongKey {
	var k *strongKey
	if n := len(s.free); n > 0 {
		k, s.free = s.free[n-1], s.free[:n-1]
	} else {
		k = new(strongKey)
	}
	k.key = key
	s.keys[key] = k
	return k
}

// work serves k until nobody waits for it.
func (s *Strong) work(k *strongKey) {
	for {
		a, ok := s.closeBatch(k)
		if !ok {
			return
		}
		ids, err := s.advance(k.key, a)
		if errors.Is(err, ErrExhausted) {
			s.serveSingly(k, a.n)
			continue
		}

		s.mu.Lock()
		// The advance may have ended with the deadline it was given, before
		// expire came to run: that is an expiry all the same.
		expired := k.batch.takeExpired(time.Now())
		batch := k.batch.take()
		s.mu.Unlock()
		expired.serve(Range{}, ErrExpired)
		batch.serve(ids, err) // whatever of ids is left over is a gap
	}
}

// closeBatch makes a batch of the requests that wait: from here on nobody joins
// it. Where nobody waits it retires k, and ok is false.
func (s *Strong) closeBatch(k *strongKey) (a advance, ok bool) {
	s.mu.Lock()
	expired := k.waiting.takeExpired(time.Now()) // they burn no id
	k.batch = k.waiting.take()
	a = advance{n: k.batch.ids, deadline: k.batch.latest, direct: k.batch.direct}
	if k.batch.count == 0 {
		delete(s.keys, k.key)
		k.key = Key{}
		if len(s.free) < maxFree {
			s.free = append(s.free, k)
		}
	}
	s.mu.Unlock()
	expired.serve(Range{}, ErrExpired)
	return a, a.n > 0
}

// advance is what a closed batch asks of the Counter.
type advance struct {
	n        int
	deadline time.Time
	direct   bool // a request of the batch was passed on to us: not to be passed on again
}

func (s *Strong) advance(key Key, a advance) (ids Range, err error) {
	ctx, cancel := context.WithDeadline(s.ctx, a.deadline)
	defer cancel()
	if a.direct && s.relay != nil {
		ids, err = s.relay.AdvanceDirect(ctx, key, a.n)
	} else {
		ids, err = s.counter.Advance(ctx, key, a.n)
	}
	if err != nil && s.ctx.Err() != nil {
		err = ErrStopped
	}
	return ids, err
}

// serveSingly serves k's batch one request at a time, so that the last ids of a
// key go to those that they suffice for. The key hasn't tooMany ids left, and
// as a mark never goes back, it won't have them later.
func (s *Strong) serveSingly(k *strongKey, tooMany int) {
	for {
		s.mu.Lock()
		expired := k.batch.takeExpired(time.Now()) // they burn no id
		exhausted := k.batch.takeLarge(tooMany)
		r := k.batch.head // stays there while it waits: expire must find it
		var a advance
		if r != nil {
			a = advance{n: r.N, deadline: r.Deadline, direct: r.Direct}
		}
		s.mu.Unlock()
		expired.serve(Range{}, ErrExpired)
		exhausted.serve(Range{}, ErrExhausted)
		if r == nil {
			return
		}

		ids, err := s.advance(k.key, a)
		if errors.Is(err, ErrExhausted) {
			tooMany = a.n
			continue
		}
		var single line
		s.mu.Lock()
		expired = k.batch.takeExpired(time.Now())
		if k.batch.head == r { // else ids are a gap
			single.push(k.batch.pop())
		}
		s.mu.Unlock()
		expired.serve(Range{}, ErrExpired)
		single.serve(ids, err)
	}
}

// armLocked sees to it that expire looks at k by deadline.
func (s *Strong) armLocked(k *strongKey, deadline time.Time) {
	switch {
	case k.timer == nil:
		k.timer = time.AfterFunc(time.Until(deadline), func() { s.expire(k) })
	case !k.armed || deadline.Before(k.wake):
		k.timer.Reset(time.Until(deadline))
	default:
		return // it wakes early enough, and looks again
	}
	k.wake, k.armed = deadline, true
}

// expire answers k's requests whose deadline has passed, also those in a batch
// under way: their part of the range will be a gap.
func (s *Strong) expire(k *strongKey) {
	now := time.Now()
	s.mu.Lock()
	k.armed = false
	batch, waiting := k.batch.takeExpired(now), k.waiting.takeExpired(now)
	for _, l := range []*line{&k.batch, &k.waiting} {
		if l.count > 0 {
			s.armLocked(k, l.earliest)
		}
	}
	s.mu.Unlock()
	batch.serve(Range{}, ErrExpired)
	waiting.serve(Range{}, ErrExpired)
}
