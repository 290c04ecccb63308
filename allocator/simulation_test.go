package allocator_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// simulation is several workers over one faulty Memory, and clients who ask
// them. All of its choices come from one seed; the order in which goroutines
// make them does not.
type simulation struct {
	t       *testing.T
	memory  allocatortest.Memory
	history allocatortest.History

	mu      sync.Mutex
	rnd     *rand.Rand
	workers []*worker
	opened  int
	sent    []*sent

	ids, errors, advances, faults, stops atomic.Int64 // so that a test can tell that things happened
}

// worker is what one process has.
type worker struct {
	number int
	strong *allocator.Strong
	weak   *allocator.Weak
}

func (w *worker) stop() {
	w.strong.Stop()
	w.weak.Stop()
}

func newSimulation(t *testing.T, seed uint64, workers int) *simulation {
	s := &simulation{t: t, rnd: rand.New(rand.NewPCG(seed, seed)), workers: make([]*worker, workers)}
	s.memory.Script(s.fault)
	for i := range workers {
		s.replace(i)
	}
	return s
}

// below returns a random number from 0 to n-1.
func (s *simulation) below(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rnd.IntN(n)
}

func (s *simulation) upTo(d time.Duration) time.Duration {
	return time.Duration(s.below(int(d))) + 1
}

// fault says how an advance goes: one in five goes wrong in some way.
func (s *simulation) fault(allocatortest.Call) allocatortest.Fault {
	f := allocatortest.Fault{Before: s.upTo(time.Millisecond), After: s.upTo(time.Millisecond)}
	s.advances.Add(1)
	switch chance := s.below(100); {
	case chance < 5:
		f.Outcome = allocatortest.Refused
	case chance < 10:
		f.Outcome = allocatortest.Lost
	case chance < 15:
		f.Outcome, f.Before = allocatortest.Late, s.upTo(20*time.Millisecond)
	case chance < 18:
		f.Before = s.upTo(50 * time.Millisecond)
	case chance < 20:
		f.After = s.upTo(50 * time.Millisecond)
	default:
		return f
	}
	s.faults.Add(1)
	return f
}

// replace stops the i-th worker, if there is one, and opens another.
func (s *simulation) replace(i int) {
	weak := allocator.WeakConfig{
		MaxKeys: 2,
		Segments: func(allocator.Key) allocator.Segments {
			return allocator.Segments{Min: 3, Max: 20, Runway: 5 * time.Millisecond}
		},
	}
	s.mu.Lock()
	old := s.workers[i]
	s.opened++
	s.workers[i] = &worker{
		number: s.opened,
		strong: allocator.NewStrong(&oneAtATime{t: s.t, memory: &s.memory}, nil),
		weak:   allocator.NewWeak(&oneAtATime{t: s.t, memory: &s.memory}, weak),
	}
	s.mu.Unlock()
	if old != nil {
		old.stop()
		s.stops.Add(1)
	}
}

// ask has a client send a request to some worker, in some mode.
func (s *simulation) ask(client int, key allocator.Key, n int, patience time.Duration) *sent {
	i := s.below(len(s.workers))
	s.mu.Lock()
	w := s.workers[i]
	s.mu.Unlock()
	r := &sent{
		simulation: s,
		op:         allocatortest.Op{Key: key, Strong: s.below(2) == 0, Client: client, Worker: w.number},
		done:       make(chan struct{}),
	}
	r.Request = allocator.Request{Key: key, N: n, Deadline: time.Now().Add(patience), Waiter: r}
	s.mu.Lock()
	s.sent = append(s.sent, r)
	s.mu.Unlock()

	take := s.below(2) == 0
	r.op.Start = s.history.Now()
	switch {
	case r.op.Strong:
		w.strong.Allocate(&r.Request)
	case take:
		if ids, ok := w.weak.Take(key, n, 0); ok {
			r.Allocated(&r.Request, ids, nil)
			break
		}
		fallthrough
	default:
		w.weak.Allocate(&r.Request)
	}
	return r
}

// sent is a request in a simulation; it enters the history when it gets ids.
type sent struct {
	allocator.Request
	simulation *simulation
	op         allocatortest.Op
	answers    atomic.Int32
	err        error         // readable when done is closed
	done       chan struct{} // closed by the first answer
}

func (r *sent) Allocated(_ *allocator.Request, ids allocator.Range, err error) {
	s := r.simulation
	if r.answers.Add(1) > 1 {
		s.t.Errorf("another answer for %v: %v, %v", r.op, ids, err)
		return
	}
	r.op.End, r.op.Ids, r.err = s.history.Now(), ids, err
	switch {
	case err != nil:
		s.errors.Add(1)
	case ids.N != r.N:
		s.t.Errorf("a request for %d ids got %v", r.N, ids)
	default:
		s.ids.Add(1)
		s.history.Add(r.op)
	}
	close(r.done)
}

// oneAtATime has a Memory advanced for one allocator, that must not have two
// advances of a key under way.
type oneAtATime struct {
	memory   *allocatortest.Memory
	t        *testing.T
	underWay sync.Map // of keys
}

func (c *oneAtATime) Start(a *allocator.Advance) { allocatortest.Start(a, c.advance) }

func (c *oneAtATime) advance(ctx context.Context, key allocator.Key, n int) (allocator.Range, error) {
	if _, busy := c.underWay.LoadOrStore(key, true); busy {
		c.t.Errorf("two advances of %q are under way", key)
	}
	defer c.underWay.Delete(key)
	return c.memory.Advance(ctx, key, n)
}
