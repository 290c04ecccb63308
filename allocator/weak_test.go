package allocator_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// inWeak runs a test in a bubble, with a Weak over a Memory.
func inWeak(t *testing.T, config allocator.WeakConfig, test func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := new(allocatortest.Memory)
		w := allocator.NewWeak(m, config)
		test(t, m, w, newCaller(t, w))
	})
}

// sized is a config whose segments are of n ids, whatever the use.
func sized(n int) allocator.WeakConfig {
	return allocator.WeakConfig{Segments: func(allocator.Key) allocator.Segments {
		return allocator.Segments{Min: n, Max: n}
	}}
}

func TestWeakTake(t *testing.T) {
	inWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		if ids, ok := w.Take(key, 1, 0); ok {
			t.Errorf("Take of a cold key = %v, want nothing", ids)
		}
		wantAdvances(t, m, 0) // Take asks for none
		c.ask(key, 2, time.Second).wantIDs(t, 1, 2, 0)
		if ids, ok := w.Take(key, 2, 0); !ok || ids != (allocator.Range{First: 3, N: 2}) {
			t.Errorf("Take = %v, %v; want 3 and 4", ids, ok)
		}
		if ids, ok := w.Take(key, 7, 0); ok {
			t.Errorf("Take of more than there is = %v, want nothing", ids)
		}
		w.Stop()
		if ids, ok := w.Take(key, 1, 0); ok {
			t.Errorf("Take after Stop = %v, want nothing", ids)
		}
	})
}

// While somebody waits, nobody gets ids before him, though there are some.
func TestWeakFirstComeFirstServed(t *testing.T) {
	inWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		c.ask(key, 1, time.Second).wantIDs(t, 1, 1, 0)
		release := m.Stall(key)
		large := c.ask(key, 50, time.Minute)
		small := c.ask(key, 1, time.Minute)
		large.wantNoAnswer(t)
		small.wantNoAnswer(t)
		if ids, ok := w.Take(key, 1, 0); ok {
			t.Errorf("Take = %v although others wait", ids)
		}
		time.Sleep(time.Second)
		release()
		large.wantIDs(t, 2, 50, time.Second)
		small.wantIDs(t, 52, 1, time.Second)
	})
}

// The next segment is on its way before the current one is used up, and ids go
// on while it is.
func TestWeakPrefetch(t *testing.T) {
	inWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		c.ask(key, 4, time.Second).wantIDs(t, 1, 4, 0)
		wantAdvances(t, m, 0, 10)
		m.Script(slow(time.Minute))
		c.ask(key, 1, time.Second).wantIDs(t, 5, 1, 0)
		wantAdvances(t, m, 0, 10, 10) // half is spent
		for id := int64(6); id <= 10; id++ {
			c.ask(key, 1, time.Second).wantIDs(t, id, 1, 0)
		}
		wantAdvances(t, m, 0, 10, 10) // and no second one at the same time
	})
}

// One worker's segments adjoin: without faults its ids are dense, also where a
// request needs the end of one and the beginning of the next.
func TestWeakAloneIsDense(t *testing.T) {
	inWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		m.Script(slow(time.Millisecond))
		next := int64(1)
		for i := range 1000 {
			n := 1 + i*7%23
			r := c.ask(key, n, time.Second)
			time.Sleep(time.Millisecond)
			got := r.got()
			if len(got) != 1 || got[0].ids != (allocator.Range{First: next, N: n}) {
				t.Fatalf("request %d got %v, want %d ids from %d", i, got, n, next)
			}
			next += int64(n)
		}
	})
}

// Where another worker came between, ranges don't adjoin: a request that the
// rest of the first does not suffice for skips it, and nobody goes back to it.
func TestWeakSkipsARest(t *testing.T) {
	inWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		c.ask(key, 4, time.Second).wantIDs(t, 1, 4, 0)
		m.Set(key, 100)                                // ids 11 to 100 are another worker's
		c.ask(key, 1, time.Second).wantIDs(t, 5, 1, 0) // fetches 101 to 110
		synctest.Wait()
		c.ask(key, 1, time.Second).wantIDs(t, 6, 1, 0)
		c.ask(key, 5, time.Second).wantIDs(t, 101, 5, 0)
		for id := int64(106); id <= 130; id++ {
			c.ask(key, 1, time.Second).wantIDs(t, id, 1, 0)
		}
	})
}

// Two ranges are there, neither suffices, and the third does not adjoin: the
// first is given up.
func TestWeakThirdRange(t *testing.T) {
	inWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		c.ask(key, 4, time.Second).wantIDs(t, 1, 4, 0)
		m.Set(key, 100)
		c.ask(key, 1, time.Second).wantIDs(t, 5, 1, 0)
		synctest.Wait() // 6 to 10 and 101 to 110
		m.Set(key, 200)
		c.ask(key, 50, time.Second).wantIDs(t, 201, 50, 0)
		m.Set(key, 300)
		c.ask(key, 50, time.Second).wantIDs(t, 301, 50, 0)
		wantAdvances(t, m, 0, 10, 10, 50, 50)
	})
}

// As before, but the third adjoins the second.
func TestWeakThirdRangeAdjoins(t *testing.T) {
	inWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		c.ask(key, 4, time.Second).wantIDs(t, 1, 4, 0)
		m.Set(key, 100)
		c.ask(key, 1, time.Second).wantIDs(t, 5, 1, 0)
		synctest.Wait()
		c.ask(key, 12, time.Second).wantIDs(t, 101, 12, 0)
		c.ask(key, 10, time.Second).wantIDs(t, 113, 10, 0)
	})
}

// The wait in line ends with what an advance brought, in order; who is left
// makes for another one.
func TestWeakLineIsServedInOrder(t *testing.T) {
	inWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		m.Script(slow(time.Second))
		first := c.ask(key, 8, time.Minute)
		synctest.Wait()
		a, b, d := c.ask(key, 2, time.Minute), c.ask(key, 30, time.Minute), c.ask(key, 1, time.Minute)
		time.Sleep(time.Minute)
		first.wantIDs(t, 1, 8, time.Second)
		a.wantIDs(t, 9, 2, time.Second)
		b.wantIDs(t, 11, 30, 2*time.Second)
		d.wantIDs(t, 41, 1, 2*time.Second)
		wantAdvances(t, m, 0, 10, 31)
	})
}

// An advance that fails while nobody waits is made again for somebody's request
// only, and after a pause.
func TestWeakFailedPrefetch(t *testing.T) {
	inWeak(t, sized(1000), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		c.ask(key, 499, time.Second).wantIDs(t, 1, 499, 0)
		m.Script(func(allocatortest.Call) allocatortest.Fault {
			return allocatortest.Fault{Outcome: allocatortest.Lost}
		})
		for range 100 {
			w.Take(key, 1, 0)
			synctest.Wait()
		}
		wantAdvances(t, m, 0, 1000, 1000) // one for a hundred requests
		time.Sleep(time.Hour)
		wantAdvances(t, m, 0, 1000, 1000) // none without a request
		w.Take(key, 1, 0)
		wantAdvances(t, m, 0, 1000, 1000, 1000)
		time.Sleep(time.Second)
		m.Script(nil)
		c.ask(key, 1, time.Second).wantIDs(t, 601, 1, 0)
		c.ask(key, 400, time.Second).wantIDs(t, 3001, 400, 0) // the lost ones are a gap
	})
}

// Somebody who waits does not wait for the pause.
func TestWeakFailedPrefetchDelaysNobody(t *testing.T) {
	inWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		c.ask(key, 4, time.Second).wantIDs(t, 1, 4, 0)
		once(m, allocatortest.Fault{Outcome: allocatortest.Refused})
		c.ask(key, 6, time.Second).wantIDs(t, 5, 6, 0)
		c.ask(key, 1, time.Second).wantIDs(t, 11, 1, 0)
		wantAdvances(t, m, 0, 10, 10, 10)
		// And once one has succeeded there is none.
		c.ask(key, 4, time.Second).wantIDs(t, 12, 4, 0)
		wantAdvances(t, m, 0, 10, 10, 10, 10)
	})
}

// An advance took longer than those had patience who wait for it, so that it
// was ended each time, and the key never got a segment.
func TestWeakSlowCounterImpatientCallers(t *testing.T) {
	inWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		m.Script(slow(60 * time.Millisecond))
		r := c.ask(key, 1, 50*time.Millisecond)
		time.Sleep(50 * time.Millisecond)
		r.wantError(t, allocator.ErrExpired, 50*time.Millisecond)
		c.ask(key, 1, 50*time.Millisecond)
		time.Sleep(10 * time.Millisecond)
		c.ask(key, 1, 50*time.Millisecond).wantIDs(t, 2, 1, 0)
		wantAdvances(t, m, 0, 10)
	})
}

// Who came while an advance was stuck has the next one.
func TestWeakStuckAdvance(t *testing.T) {
	inWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		once(m, allocatortest.Fault{Before: time.Hour})
		first := c.ask(key, 1, time.Second)
		time.Sleep(4 * time.Second)
		r := c.ask(key, 1, time.Minute)
		time.Sleep(time.Minute)
		first.wantError(t, allocator.ErrExpired, time.Second)
		r.wantIDs(t, 1, 1, time.Second) // 5 s after the stuck advance began
	})
}

func TestWeakTakeAllocatesNothing(t *testing.T) {
	m := new(allocatortest.Memory)
	w := allocator.NewWeak(m, sized(1_000_000))
	defer w.Stop()
	if _, err := allocator.Wait(t.Context(), w, key, 1); err != nil {
		t.Fatal(err)
	}
	allocs := testing.AllocsPerRun(1000, func() {
		if _, ok := w.Take(key, 2, 0); !ok {
			t.Error("Take found nothing")
		}
	})
	if allocs != 0 {
		t.Errorf("Take allocates %v times, want 0", allocs)
	}
}
