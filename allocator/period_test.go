package allocator_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

const (
	november = allocator.Period(20758) // 2026-11-01
	december = november + 30
)

// askAbove makes a request of a period by the asker's clock.
func (c *caller) askAbove(p allocator.Period, n int) *request {
	r := newRequest(key, n)
	r.Above = p.Mark(0)
	c.mu.Lock()
	c.requests = append(c.requests, r)
	c.mu.Unlock()
	c.allocator.Allocate(&r.Request)
	return r
}

// A batch is of the latest period of its requests, and no later request gets an
// id of an earlier one.
func TestStrongPeriods(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		release := m.Stall(key)
		first := c.askAbove(november, 1)
		synctest.Wait()
		behind, ahead := c.askAbove(november, 2), c.askAbove(december, 1)
		release()
		first.wantIDs(t, november.Mark(1), 1, 0)
		behind.wantIDs(t, december.Mark(1), 2, 0)
		ahead.wantIDs(t, december.Mark(3), 1, 0)
		c.askAbove(november, 1).wantIDs(t, december.Mark(4), 1, 0)
	})
}

// What is held of an earlier period is skipped once a later one has begun.
func TestWeakPeriodHasBegun(t *testing.T) {
	inLedgerWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller, l *ledger) {
		c.askAbove(november, 2).wantIDs(t, november.Mark(1), 2, 0)
		if ids, ok := w.Take(key, 1, december.Mark(0)); ok {
			t.Errorf("Take = %v, want nothing of the period before", ids)
		}
		l.wantSkipped(t, map[allocator.Gap]int{allocator.GapPeriod: 8})
		synctest.Wait()
		c.askAbove(december, 1).wantIDs(t, december.Mark(1), 1, 0)
		c.askAbove(november, 1).wantIDs(t, december.Mark(2), 1, 0) // never back
	})
}

// Requests of two periods wait in one line: the first ones get what comes of their
// period, and the rest of it is a gap. The next advance is of the later one.
func TestWeakPeriodsInOneLine(t *testing.T) {
	inLedgerWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller, l *ledger) {
		release := m.Stall(key)
		behind := c.askAbove(november, 1)
		synctest.Wait()
		ahead, late := c.askAbove(december, 1), c.askAbove(november, 1)
		time.Sleep(time.Second)
		release()
		behind.wantIDs(t, november.Mark(1), 1, time.Second)
		ahead.wantIDs(t, december.Mark(1), 1, time.Second)
		late.wantIDs(t, december.Mark(2), 1, time.Second)
		l.wantSkipped(t, map[allocator.Gap]int{allocator.GapPeriod: 9})
		wantAdvances(t, m, 0, 10, 10)
	})
}
