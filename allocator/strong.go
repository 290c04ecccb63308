package allocator

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Strong issues strictly increasing ids by group commit: all requests that wait for a
// key share one advance.
//
// This is how a request goes through it. Allocate puts the request into its key's
// line. As soon as the key's previous advance is back, the line is closed as a batch,
// and the counter is advanced by the sum of the batch. Advanced cuts the range up.
//
// This is why it is strict (invariant 2 of the package). A batch is closed before its
// advance begins, so that whatever the advance returns was reserved after every
// request of the batch had arrived. What is left of the range is dropped. If a request
// joined a batch that is under way, or got what is left over, it could be overtaken by
// an id that somebody else received before the request was made.
//
// Strong is safe for concurrent use. Its lock is never held over a call of the Counter
// or a Waiter.
type Strong struct {
	counter  Starter
	rivals   *rivals // nil: this process is alone
	observer Observer
	owned    bool                  // the keys are to be this process's own
	ended    func(*Advance, error) // called before an advance's ids are told; nil: nobody wants to know
	ctx      context.Context       // ends with Stop
	cancel   context.CancelFunc
	underWay sync.WaitGroup // the keys somebody waits for

	mu      sync.Mutex
	stopped bool
	keys    map[Key]*strongKey // the keys somebody waits for: each has an advance under way
	free    []*strongKey       // for the next keys
}

// strongKey is a key that somebody waits for. Strong.mu guards all of it, but
// for the advance while that is under way.
type strongKey struct {
	strong  *Strong
	key     Key
	waiting line      // requests for the next batch
	batch   line      // requests the advance under way serves: nobody joins
	advance Advance   // the one under way
	answers []Answer  // its Answers
	spare   []Answer  // room for those of the next one; see Advanced
	began   time.Time // when it began

	// single is not 0 once the key had fewer ids left than the batch asked for.
	// Then each advance is for the batch's first request alone, which stays
	// there so that expire finds it.
	single int
	served *Request // whom the advance under way is for, if single

	deadlines deadlines // the timer is never stopped, only found early
}

// maxFree bounds the idle strongKeys that are kept.
const maxFree = 1024

// NewStrong returns a Strong that advances counter and tells observer of it, if there
// is one. It must be stopped.
func NewStrong(counter Starter, observer Observer) *Strong { return newStrong(counter, nil, observer) }

// newStrong returns one that gives batches up which lose a race, and remembers
// who won.
func newStrong(counter Starter, rivals *rivals, observer Observer) *Strong {
	s := &Strong{counter: counter, rivals: rivals, observer: observerOr(observer), keys: map[Key]*strongKey{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Stop answers the requests that still wait with ErrStopped, and waits until
// the advances under way have ended. Later requests get ErrStopped.
func (s *Strong) Stop() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.cancel()
	s.underWay.Wait()
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
	k.deadlines.armLocked(r.Deadline)
	s.mu.Unlock()
	if !busy {
		k.next()
	}
}

func (s *Strong) newKeyLocked(key Key) *strongKey {
	var k *strongKey
	if n := len(s.free); n > 0 {
		k, s.free = s.free[n-1], s.free[:n-1]
	} else {
		k = &strongKey{strong: s}
		k.deadlines = deadlines{mu: &s.mu, lines: [2]*line{&k.batch, &k.waiting}}
	}
	s.underWay.Add(1) // under the lock, so that Stop does not overtake
	k.key = key
	s.keys[key] = k
	return k
}

// next starts the key's next advance; none is under way. Where nobody waits it
// retires k.
func (k *strongKey) next() {
	s := k.strong
	s.mu.Lock()
	var expired, stopped, late line
	if s.stopped {
		stopped, late = k.batch.take(), k.waiting.take()
	}
	if k.batch.count == 0 { // from here on nobody joins it
		k.single = 0
		expired = k.waiting.takeExpired(time.Now()) // they burn no id
		k.batch = k.waiting.takeBatch()
	}
	start, requests := k.batch.count > 0, k.batch.count
	if start {
		k.beginLocked()
		if k.single != 0 {
			requests = 1
		}
	} else {
		s.retireLocked(k)
	}
	s.mu.Unlock()
	expired.serve(Range{}, ErrExpired)
	stopped.serve(Range{}, ErrStopped)
	late.serve(Range{}, ErrStopped)
	if !start {
		s.underWay.Done()
		return
	}
	s.observer.Batch(k.key.Store, requests, k.advance.Total())
	s.counter.Start(&k.advance)
}

// beginLocked makes an advance of a batch that is not empty.
func (k *strongKey) beginLocked() {
	b, first := &k.batch, k.batch.head
	k.advance = Advance{Ctx: k.strong.ctx, Key: k.key, Above: b.above, Owned: k.strong.owned, Done: k}
	k.began = time.Now()
	k.served = nil
	if k.single == 0 {
		k.advance.N, k.advance.Deadline = b.ids-b.once, b.latest
	} else {
		k.served = first
		k.advance.N, k.advance.Deadline = first.N, first.Deadline
	}
	if b.once > 0 {
		k.answers, k.spare = k.spare[:0], nil
		k.answerLocked()
	}
	k.advance.Yield, k.advance.Asked = k.strong.rivals != nil && !b.direct, b.asked
}

// answerLocked adds the Answers to the advance that is made.
func (k *strongKey) answerLocked() {
	add := func(r *Request) {
		if r.Once != nil {
			r.answer = len(k.answers)
			k.answers = append(k.answers, Answer{Once: *r.Once, N: r.N})
		}
	}
	if k.served == nil {
		for r := k.batch.head; r != nil; r = r.next {
			add(r)
		}
	} else if add(k.served); len(k.answers) > 0 {
		k.advance.N = 0
	}
	k.advance.Answers = k.answers
}

func (s *Strong) retireLocked(k *strongKey) {
	delete(s.keys, k.key)
	k.key, k.advance = Key{}, Advance{}
	if len(s.free) < maxFree {
		s.free = append(s.free, k)
	}
}

// Advanced serves the batch: see [Advancer]. The next advance begins first, so that
// etcd has work while this one's answers are sent.
func (k *strongKey) Advanced(a *Advance, ids Range, err error) {
	s := k.strong
	if s.ended != nil {
		s.ended(a, err)
	}
	var settled, served, exhausted line
	s.mu.Lock()
	// The advance may have ended with the deadline it was given, before expire
	// came to run: that is an expiry all the same.
	expired := k.batch.takeExpired(time.Now())
	switch {
	case errors.Is(err, ErrExhausted):
		// The last ids of a key go to those that they suffice for, one by one.
		// As a mark never goes back, the key won't have as many ids later.
		settled = k.batch.takeIf(k.settledLocked)
		k.single = a.Total()
		exhausted = k.batch.takeIf(func(r *Request) bool {
			looked := r.Once == nil || k.served == nil || k.served == r // for an earlier one's ids
			return r.N >= k.single && looked
		})
	case k.single == 0:
		served = k.batch.take()
	case k.batch.head == k.served: // else it has expired: ids are a gap
		served.push(k.batch.pop())
	}
	if err != nil && s.stopped {
		err = ErrStopped
	}
	if lost, ok := errors.AsType[*LostRace](err); ok && s.rivals != nil {
		s.rivals.remember(a.Key, lost.Winner)
	}
	settled.began, exhausted.began, served.began = k.began, k.began, k.began
	answers := k.answers
	k.answers = nil
	s.underWay.Add(1) // Stop waits for the answers, too
	s.mu.Unlock()
	defer s.underWay.Done()
	if gap := ids.N - (served.ids - served.once); err == nil && gap > 0 {
		s.observer.Skipped(a.Key.Store, gap, GapExpired)
	}
	k.next()
	expired.serve(Range{}, ErrExpired)
	settled.serveBoth(answers, Range{}, nil)
	exhausted.serve(Range{}, ErrExhausted)
	served.serveBoth(answers, ids, err) // whatever of ids is left over is a gap
	if answers != nil {
		clear(answers)
		s.mu.Lock()
		k.spare = answers
		s.mu.Unlock()
	}
}

// settledLocked reports whether r, of the batch under way, has an answer.
func (k *strongKey) settledLocked(r *Request) bool {
	return r.Once != nil && r.answer < len(k.answers) && k.answers[r.answer].Settled() &&
		(k.served == nil || k.served == r)
}
