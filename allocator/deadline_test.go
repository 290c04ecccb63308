package allocator_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

func TestExpiresAtItsDeadline(t *testing.T) {
	inBothModes(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		m.Script(slow(10 * time.Second))
		// The deadlines do not pass in the order the requests were made.
		first := c.ask(key, 1, 3*time.Second)
		time.Sleep(time.Second)
		patient := c.ask(key, 4, time.Minute)
		late := c.ask(key, 1, 5*time.Second)
		soon := c.ask(key, 1, time.Second)
		time.Sleep(30 * time.Second)
		first.wantError(t, allocator.ErrExpired, 3*time.Second)
		late.wantError(t, allocator.ErrExpired, 5*time.Second)
		soon.wantError(t, allocator.ErrExpired, time.Second)
		if got := patient.got(); len(got) != 1 || got[0].err != nil {
			t.Errorf("patient request got %v, want ids", got)
		}
	})
}

// An advance may last until the deadline of those it is for. That its context
// ends then makes no other error of their expiry.
func TestExpiresWhileTheCounterIsStuck(t *testing.T) {
	for range 20 { // timers that are due together run in any order
		inBothModes(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
			defer m.Stall(key)()
			r := c.ask(key, 1, 7*time.Second)
			time.Sleep(5 * time.Second)
			same := c.ask(key, 1, 2*time.Second)
			time.Sleep(2 * time.Second)
			r.wantError(t, allocator.ErrExpired, 7*time.Second)
			same.wantError(t, allocator.ErrExpired, 2*time.Second)
		})
	}
}

// An advance that is back as a deadline passes comes too late for that request.
func TestExpiresAsTheAdvanceIsBack(t *testing.T) {
	for range 20 { // timers that are due together run in any order
		inBothModes(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
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

// A request without a deadline once hid the deadlines of those in line with it.
func TestExpiredFromTheBeginning(t *testing.T) {
	for _, deadline := range []time.Time{{}, time.Unix(0, 0)} {
		inBothModes(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
			release := m.Stall(key)
			underWay := c.ask(key, 1, time.Hour)
			synctest.Wait()
			r := &request{asked: time.Now(), Request: allocator.Request{Key: key, N: 1000, Deadline: deadline}}
			r.Waiter = r
			c.requests = append(c.requests, r)
			c.allocator.Allocate(&r.Request)
			behind := c.ask(key, 1, time.Second)
			time.Sleep(time.Minute)
			r.wantError(t, allocator.ErrExpired, 0)
			behind.wantError(t, allocator.ErrExpired, time.Second)
			release()
			underWay.wantIDs(t, 1, 1, time.Minute)
			if last := m.Last(key); last > 10 {
				t.Errorf("mark is at %d: expired requests burned ids", last)
			}
		})
	}
}

func TestExpiredBurnsNoID(t *testing.T) {
	inBothModes(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		c.ask(key, 5, 0).wantError(t, allocator.ErrExpired, 0)
		c.ask(key, 5, -time.Hour).wantError(t, allocator.ErrExpired, 0)
		wantLast(t, m, key, 0)
		wantAdvances(t, m, 0)
	})
}
