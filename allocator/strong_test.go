package allocator_test

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// inStrong runs a test in a bubble, with a Strong over a Memory.
func inStrong(t *testing.T, test func(t *testing.T, m *allocatortest.Memory, c *caller)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := new(allocatortest.Memory)
		test(t, m, newCaller(t, allocator.NewStrong(m)))
	})
}

func TestStrongGroupCommit(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		m.Script(slow(2 * time.Second))
		first := c.ask(key, 3, time.Minute)
		time.Sleep(time.Second)
		var batch []*request
		for n := range 100 {
			batch = append(batch, c.ask(key, n+1, time.Minute))
		}
		time.Sleep(time.Minute)
		first.wantIDs(t, 1, 3, 2*time.Second)
		next := int64(4)
		for i, r := range batch {
			r.wantIDs(t, next, i+1, 3*time.Second) // in the order they came
			next += int64(i) + 1
		}
		wantAdvances(t, m, 0, 3, 5050)
	})
}

func TestStrongAloneDoesNotWait(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		m.Script(slow(time.Millisecond))
		for i := range 10 {
			r := c.ask(key, 1, time.Minute)
			time.Sleep(time.Millisecond)
			r.wantIDs(t, int64(i)+1, 1, time.Millisecond)
		}
		wantLast(t, m, key, 10) // dense
	})
}

// A request that comes while an advance is under way gets none of its ids,
// though some are left over. See invariant 2 of the package.
func TestStrongLeftOversAreAGap(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		m.Script(slow(10 * time.Second))
		first := c.ask(key, 1, time.Hour) // reserves 1
		time.Sleep(time.Second)
		soon := c.ask(key, 5, 11*time.Second)
		patient := c.ask(key, 2, time.Hour) // with soon: reserves 2 to 8
		time.Sleep(13 * time.Second)
		late := c.ask(key, 1, time.Hour)
		soon.wantError(t, allocator.ErrExpired, 11*time.Second) // leaves 5 ids over
		time.Sleep(time.Hour)
		first.wantIDs(t, 1, 1, 10*time.Second)
		patient.wantIDs(t, 2, 2, 19*time.Second)
		late.wantIDs(t, 9, 1, 16*time.Second)
		r := c.ask(key, 1, time.Hour)
		time.Sleep(10 * time.Second)
		r.wantIDs(t, 10, 1, 10*time.Second)
		wantAdvances(t, m, 0, 1, 7, 1, 1)
	})
}

// When a request joined a batch already sent, one of another worker's ids that
// was known before the request was made could be greater than its own.
func TestStrongNobodyJoinsABatchUnderWay(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		another := newCaller(t, allocator.NewStrong(m))
		release := m.Stall(key)
		zeroth := c.ask(key, 1, time.Hour)
		synctest.Wait()
		first, patient := c.ask(key, 1, 10*time.Second), c.ask(key, 1, time.Hour)
		once(m, allocatortest.Fault{After: time.Minute})
		release() // reserves 1, and then 2 and 3 at once; the answer takes a minute
		zeroth.wantIDs(t, 1, 1, 0)
		another.ask(key, 1, time.Hour).wantIDs(t, 4, 1, 0)
		late := c.ask(key, 1, time.Hour)
		time.Sleep(time.Hour)
		first.wantError(t, allocator.ErrExpired, 10*time.Second)
		patient.wantIDs(t, 2, 1, time.Minute)
		late.wantIDs(t, 5, 1, time.Minute)
	})
}

// The ids of an advance that failed are not guessed from the one before it.
func TestStrongFailedAdvanceIsAGap(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		m.Script(func(call allocatortest.Call) allocatortest.Fault {
			f := allocatortest.Fault{Before: time.Second}
			if call.Seq == 1 {
				f.Outcome = allocatortest.Lost
			}
			return f
		})
		first := c.ask(key, 1, time.Hour)
		synctest.Wait()
		lost := c.ask(key, 3, time.Hour)
		time.Sleep(1500 * time.Millisecond)
		next := c.ask(key, 1, time.Hour)
		time.Sleep(time.Minute)
		first.wantIDs(t, 1, 1, time.Second)
		lost.wantError(t, allocator.ErrUnavailable, 2*time.Second)
		next.wantIDs(t, 5, 1, 1500*time.Millisecond)
	})
}

func TestStrongExpiredInLineBurnsNoID(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		m.Script(slow(10 * time.Second))
		first := c.ask(key, 1, time.Hour)
		time.Sleep(time.Second)
		expires := c.ask(key, 1000, 5*time.Second)
		together := c.ask(key, 1000, 9*time.Second) // passes as the batch is closed
		patient := c.ask(key, 2, time.Hour)
		time.Sleep(time.Minute)
		first.wantIDs(t, 1, 1, 10*time.Second)
		expires.wantError(t, allocator.ErrExpired, 5*time.Second)
		together.wantError(t, allocator.ErrExpired, 9*time.Second)
		patient.wantIDs(t, 2, 2, 19*time.Second)
		wantAdvances(t, m, 0, 1, 2)
	})
}

// An advance that is back as a deadline passes comes too late for that request.
func TestStrongExpiresAsTheAdvanceIsBack(t *testing.T) {
	for range 20 { // timers that are due together run in any order
		inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
			m.Script(slow(time.Second))
			expires, patient := c.ask(key, 1, time.Second), c.ask(key, 1, time.Hour)
			time.Sleep(time.Hour)
			expires.wantError(t, allocator.ErrExpired, time.Second)
			if got := patient.got(); len(got) != 1 || got[0].err != nil {
				t.Errorf("patient request got %v, want ids", got)
			}
		})
	}
}

// The timer of a key is used for the next key, with other deadlines.
func TestStrongDeadlinesOfAnotherKey(t *testing.T) {
	for _, patience := range []time.Duration{time.Second, time.Minute} {
		t.Run(fmt.Sprint(patience), func(t *testing.T) {
			inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
				c.ask(key, 1, 10*time.Second).wantIDs(t, 1, 1, 0)
				defer m.Stall(other)()
				time.Sleep(time.Second)
				r := c.ask(other, 1, patience)
				time.Sleep(2 * time.Minute)
				r.wantError(t, allocator.ErrExpired, patience)
			})
		})
	}
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
			a := c.ask(key, 3, 20*time.Second)
			b := c.ask(key, 6, time.Hour)
			m.Script(slow(10 * time.Second))
			release()
			time.Sleep(time.Hour)
			first.wantIDs(t, math.MaxInt64-8, 1, 0)
			a.wantError(t, allocator.ErrExpired, 20*time.Second)
			b.wantError(t, allocator.ErrExhausted, 30*time.Second) // a's ids are a gap
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
		c.allocator.Stop()
		first.wantIDs(t, math.MaxInt64-8, 1, 0)
		for _, r := range batch {
			r.wantError(t, allocator.ErrStopped, 15*time.Second)
		}
	})
}
