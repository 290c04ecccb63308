package allocator_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

var seed = flag.Uint64("seed", 0, "the one seed of TestPromises, as in: go test ./allocator -run TestPromises -seed 7; 0 means many new ones")

// TestPromises has six clients ask three Strongs and three Weaks over one
// faulty Memory, as three workers would have them, which now and then are
// stopped and replaced. Whatever happens, the promises of the package hold.
func TestPromises(t *testing.T) {
	first, seeds := *seed, 1
	if first == 0 {
		first, seeds = rand.Uint64(), 200
	}
	for i := range seeds {
		t.Run(fmt.Sprintf("seed=%d", first+uint64(i)), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testPromises(t, first+uint64(i)) })
		})
	}
}

func testPromises(t *testing.T, seed uint64) {
	const workers, clients, rounds, keys = 3, 6, 60, 3
	s := newSimulation(t, seed, workers)

	ctx, cancel := context.WithCancel(t.Context())
	var replacing, asking sync.WaitGroup
	replacing.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(s.upTo(100 * time.Millisecond)):
				s.replace(s.below(workers))
			}
		}
	})
	for client := range clients {
		asking.Go(func() {
			for range rounds {
				var together []*sent
				for range 1 + s.below(3) {
					together = append(together, s.ask(client, numbered(s.below(keys)), 1+s.below(5), s.upTo(20*time.Millisecond)))
				}
				for _, r := range together {
					<-r.done
				}
				time.Sleep(s.upTo(3 * time.Millisecond))
			}
		})
	}
	asking.Wait()
	cancel()
	replacing.Wait()

	// When the faults are over, everyone is served again.
	s.memory.Script(nil)
	time.Sleep(time.Minute)
	for i := range 100 {
		r := s.ask(0, numbered(i%keys), 1, time.Second)
		<-r.done
		if r.err != nil {
			t.Errorf("after all faults a request got: %v", r.err)
		}
	}
	for _, w := range s.workers {
		w.stop()
	}

	synctest.Wait()
	for _, r := range s.sent {
		if r.answers.Load() != 1 {
			t.Errorf("%d answers for %v, want 1", r.answers.Load(), r.op)
		}
	}
	if err := s.history.Check(); err != nil {
		t.Error(err)
	}
	for _, op := range s.history.Ops() {
		if last := s.memory.Last(op.Key); op.Ids.Last() > last {
			t.Errorf("%v, but the mark is at %d", op, last)
		}
	}
	if s.ids.Load() < 300 || s.errors.Load() < 20 || s.faults.Load() < 20 || s.stops.Load() < 1 {
		t.Errorf("that tests little: %d requests got ids, %d an error; %d of %d advances went wrong, %d workers stopped",
			s.ids.Load(), s.errors.Load(), s.faults.Load(), s.advances.Load(), s.stops.Load())
	}
}

// Without faults nothing is wasted, however many ask at the same time.
func TestStrongIsDense(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		m.Script(slow(time.Millisecond))
		var h allocatortest.History
		var clients sync.WaitGroup
		issued := int64(0)
		for client := range 50 {
			n := 1 + client%4
			issued += 20 * int64(n)
			clients.Go(func() {
				for range 20 {
					start := h.Now()
					ids, err := allocator.Wait(t.Context(), c.allocator, key, n)
					if err != nil {
						t.Error(err)
						return
					}
					h.Add(allocatortest.Op{Start: start, End: h.Now(), Key: key, Ids: ids, Strong: true, Client: client})
				}
			})
		}
		clients.Wait()
		wantLast(t, m, key, issued)
		if err := h.Check(); err != nil {
			t.Error(err)
		}
		if calls := len(m.Calls()); calls > 2*20+1 {
			t.Errorf("%d advances for 20 rounds of 50 clients, want about one a round", calls)
		}
	})
}
