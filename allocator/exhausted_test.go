package allocator_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

func TestLastIDs(t *testing.T) {
	inBothModes(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		m.Set(key, math.MaxInt64-5)
		c.ask(key, 6, time.Second).wantError(t, allocator.ErrExhausted, 0)
		c.ask(key, 2, time.Second).wantIDs(t, math.MaxInt64-4, 2, 0)
		c.ask(key, 1, time.Second).wantIDs(t, math.MaxInt64-2, 1, 0)
		c.ask(key, 3, time.Second).wantError(t, allocator.ErrExhausted, 0)
		c.ask(key, 2, time.Second).wantIDs(t, math.MaxInt64-1, 2, 0)
		for range 3 {
			c.ask(key, 1, time.Second).wantError(t, allocator.ErrExhausted, 0)
		}
		c.ask(other, 1, time.Second).wantIDs(t, 1, 1, 0)
	})
}

// With fewer ids left than a batch needs, each request is asked for alone, and
// no more than was refused before is asked for again.
func TestStrongExhaustedBatch(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		m.Set(key, math.MaxInt64-10)
		release := m.Stall(key)
		first := c.ask(key, 1, time.Minute)
		synctest.Wait()
		a := c.ask(key, 4, time.Minute)
		b := c.ask(key, 6, time.Minute)
		large := c.ask(key, 7, time.Minute)
		d := c.ask(key, 3, time.Minute)
		e := c.ask(key, 2, time.Minute)
		f := c.ask(key, 3, time.Minute)
		release()
		first.wantIDs(t, math.MaxInt64-9, 1, 0)
		a.wantIDs(t, math.MaxInt64-8, 4, 0)
		b.wantError(t, allocator.ErrExhausted, 0)
		large.wantError(t, allocator.ErrExhausted, 0)
		d.wantIDs(t, math.MaxInt64-4, 3, 0)
		e.wantIDs(t, math.MaxInt64-1, 2, 0)
		f.wantError(t, allocator.ErrExhausted, 0)
		wantAdvances(t, m, 0, 1, 25, 4, 6, 3, 2, 3)

		calls := len(m.Calls())
		m.Script(slow(time.Second))
		c.ask(key, 1, time.Minute)
		synctest.Wait()
		for range 100 {
			c.ask(key, 1, time.Minute)
		}
		time.Sleep(time.Minute)
		wantAdvances(t, m, calls, 1, 100, 1) // and not one for each of them
	})
}

func TestStrongExhaustedBatchKeepsDeadlines(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		m.Set(key, math.MaxInt64-9)
		release := m.Stall(key)
		first := c.ask(key, 1, time.Hour)
		synctest.Wait()
		a := c.ask(key, 3, 17*time.Second) // expires while it is asked for alone
		b := c.ask(key, 6, 14*time.Second) // expires while a is asked for
		d := c.ask(key, 4, time.Hour)
		m.Script(slow(10 * time.Second))
		release()
		time.Sleep(time.Hour)
		first.wantIDs(t, math.MaxInt64-8, 1, 0)
		a.wantError(t, allocator.ErrExpired, 17*time.Second)
		b.wantError(t, allocator.ErrExpired, 14*time.Second)
		d.wantIDs(t, math.MaxInt64-7+3, 4, 27*time.Second) // a's ids are a gap
		wantAdvances(t, m, 0, 1, 13, 3, 4)
	})
}

func TestStrongExhaustedBatchExpiresAsAnAdvanceIsBack(t *testing.T) {
	for range 20 { // timers that are due together run in any order
		inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
			m.Set(key, math.MaxInt64-9)
			release := m.Stall(key)
			first := c.ask(key, 1, time.Hour)
			synctest.Wait()
			a := c.ask(key, 1, 10*time.Second) // as the batch's advance is back
			b := c.ask(key, 3, 20*time.Second) // as its own is
			d := c.ask(key, 6, time.Hour)
			m.Script(slow(10 * time.Second))
			release()
			time.Sleep(time.Hour)
			first.wantIDs(t, math.MaxInt64-8, 1, 0)
			a.wantError(t, allocator.ErrExpired, 10*time.Second)
			b.wantError(t, allocator.ErrExpired, 20*time.Second)
			d.wantError(t, allocator.ErrExhausted, 30*time.Second) // b's ids are a gap
			wantAdvances(t, m, 0, 1, 10, 3, 6)
		})
	}
}

// An error for one request of an exhausted batch is not taken for exhaustion by
// the others.
func TestStrongExhaustedBatchWithAnError(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		m.Set(key, math.MaxInt64-9)
		m.Script(func(call allocatortest.Call) allocatortest.Fault {
			if call.N == 2 {
				return allocatortest.Fault{Outcome: allocatortest.Refused}
			}
			return allocatortest.Fault{}
		})
		release := m.Stall(key)
		first := c.ask(key, 1, time.Hour)
		synctest.Wait()
		a, b, d := c.ask(key, 2, time.Hour), c.ask(key, 3, time.Hour), c.ask(key, 9, time.Hour)
		release()
		first.wantIDs(t, math.MaxInt64-8, 1, 0)
		a.wantError(t, allocator.ErrUnavailable, 0)
		b.wantIDs(t, math.MaxInt64-7, 3, 0)
		d.wantError(t, allocator.ErrExhausted, 0)
	})
}

func TestStrongStopAmongSingles(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		m.Set(key, math.MaxInt64-9)
		release := m.Stall(key)
		first := c.ask(key, 1, time.Hour)
		synctest.Wait()
		batch := []*request{c.ask(key, 3, time.Hour), c.ask(key, 4, time.Hour), c.ask(key, 2, time.Hour)}
		m.Script(slow(10 * time.Second))
		release()
		time.Sleep(15 * time.Second)
		late := c.ask(key, 1, time.Hour)
		c.allocator.Stop()
		first.wantIDs(t, math.MaxInt64-8, 1, 0)
		for _, r := range batch {
			r.wantError(t, allocator.ErrStopped, 15*time.Second)
		}
		late.wantError(t, allocator.ErrStopped, 0)
	})
}

func TestWeakLastSegmentIsSmaller(t *testing.T) {
	inWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		m.Set(key, math.MaxInt64-7)
		for i := range int64(7) {
			c.ask(key, 1, time.Second).wantIDs(t, math.MaxInt64-6+i, 1, 0)
		}
		c.ask(key, 1, time.Second).wantError(t, allocator.ErrExhausted, 0)
	})
}

func TestWeakExhaustedLine(t *testing.T) {
	inWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		m.Set(key, math.MaxInt64-3)
		release := m.Stall(key)
		large, small := c.ask(key, 5, time.Minute), c.ask(key, 2, time.Minute)
		equal, last := c.ask(key, 5, time.Minute), c.ask(key, 1, time.Minute)
		more := c.ask(key, 1, time.Minute)
		synctest.Wait()
		release()
		large.wantError(t, allocator.ErrExhausted, 0)
		small.wantIDs(t, math.MaxInt64-2, 2, 0)
		equal.wantError(t, allocator.ErrExhausted, 0)
		last.wantIDs(t, math.MaxInt64, 1, 0)
		more.wantError(t, allocator.ErrExhausted, 0)
	})
}

// The answer to an advance for a request that expired meanwhile was once taken
// to be for the next in line.
func TestWeakExhaustedForWhoExpired(t *testing.T) {
	inWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		m.Set(key, math.MaxInt64-3)
		m.Script(slow(time.Second))
		large, small := c.ask(key, 5, 1500*time.Millisecond), c.ask(key, 2, time.Minute)
		time.Sleep(time.Minute)
		large.wantError(t, allocator.ErrExpired, 1500*time.Millisecond)
		small.wantIDs(t, math.MaxInt64-2, 2, 4*time.Second)
	})
}

// An exhausted key costs no advance for each request in line.
func TestWeakExhaustedHotKey(t *testing.T) {
	inWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		m.Set(key, math.MaxInt64)
		m.Script(slow(time.Second))
		for range 100 {
			c.ask(key, 1, time.Hour)
		}
		time.Sleep(time.Minute)
		if calls := len(m.Calls()); calls > 4 {
			t.Errorf("%d advances for a line of 100 at an exhausted key, want at most 4", calls)
		}
	})
}
