package allocator_test

import (
	"fmt"
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
		test(t, m, newCaller(t, allocator.NewStrong(m, nil)))
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
		another := newCaller(t, allocator.NewStrong(m, nil))
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
