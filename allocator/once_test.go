package allocator_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// askOnce makes a request that is made once, and does not wait for its answer.
func (c *caller) askOnce(key allocator.Key, n int, name string, patience time.Duration) *request {
	now := time.Now()
	r := &request{asked: now, Request: allocator.Request{
		Key: key, N: n, Deadline: now.Add(patience), Once: &allocator.Once{Key: name, Window: time.Hour},
	}}
	r.Waiter = r
	c.mu.Lock()
	c.requests = append(c.requests, r)
	c.mu.Unlock()
	c.allocator.Allocate(&r.Request)
	return r
}

func (r *request) wantReplayed(t *testing.T, first int64, n int, after time.Duration) {
	t.Helper()
	r.wantIDs(t, first, n, after)
	if !r.Replayed {
		t.Errorf("request %q is not told that its ids are those of an earlier one", r.Once.Key)
	}
}

// Requests that are made once share an advance with others, and a later repeat
// burns no id.
func TestOnceSharesAnAdvance(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		release := m.Stall(key)
		first := c.ask(key, 1, time.Minute)
		synctest.Wait()
		plain, a := c.ask(key, 2, time.Minute), c.askOnce(key, 3, "a", time.Minute)
		b := c.askOnce(key, 1, "b", time.Minute)
		release()
		first.wantIDs(t, 1, 1, 0)
		plain.wantIDs(t, 2, 2, 0)
		a.wantIDs(t, 4, 3, 0)
		b.wantIDs(t, 7, 1, 0)
		c.askOnce(key, 3, "a", time.Minute).wantReplayed(t, 4, 3, 0)
		c.askOnce(key, 2, "a", time.Minute).wantError(t, allocator.ErrReused, 0)
		c.ask(key, 1, time.Minute).wantIDs(t, 8, 1, 0)
	})
}

// Who has given up while an advance was under way is answered EXPIRED, and whoever
// asks again gets the ids that were recorded.
func TestOnceExpiresWhileUnderWay(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		release := m.Stall(key)
		first := c.ask(key, 1, time.Hour)
		synctest.Wait()
		a, plain := c.askOnce(key, 2, "a", 5*time.Second), c.ask(key, 1, time.Hour)
		once(m, allocatortest.Fault{Before: 8 * time.Second})
		release()
		time.Sleep(time.Minute)
		a.wantError(t, allocator.ErrExpired, 5*time.Second)
		c.askOnce(key, 2, "a", time.Second).wantReplayed(t, 3, 2, 0)
		first.wantIDs(t, 1, 1, 0)
		plain.wantIDs(t, 2, 1, 8*time.Second)
	})
}

// The answer of an advance was lost though it was applied: a repeat gets its ids.
func TestOnceAfterALostAnswer(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		once(m, allocatortest.Fault{Outcome: allocatortest.Lost})
		c.askOnce(key, 2, "a", time.Minute).wantError(t, allocator.ErrUnavailable, 0)
		c.askOnce(key, 2, "a", time.Minute).wantReplayed(t, 1, 2, 0)
		wantLast(t, m, key, 2)
	})
}

// Repeats on an exhausted key are answered, and the last ids go to the requests
// that they suffice for, one by one.
func TestOnceOnAnExhaustedKey(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		m.Set(key, math.MaxInt64-10)
		c.askOnce(key, 4, "a", time.Minute).wantIDs(t, math.MaxInt64-9, 4, 0) // 6 are left
		release := m.Stall(key)
		first := c.ask(key, 1, time.Minute) // 5 are left
		synctest.Wait()
		again, large := c.askOnce(key, 4, "a", time.Minute), c.askOnce(key, 6, "b", time.Minute)
		small, plain := c.askOnce(key, 3, "c", time.Minute), c.ask(key, 2, time.Minute)
		none := c.ask(key, 1, time.Minute)
		release()
		first.wantIDs(t, math.MaxInt64-5, 1, 0)
		again.wantReplayed(t, math.MaxInt64-9, 4, 0)
		large.wantError(t, allocator.ErrExhausted, 0)
		small.wantIDs(t, math.MaxInt64-4, 3, 0)
		plain.wantIDs(t, math.MaxInt64-1, 2, 0)
		none.wantError(t, allocator.ErrExhausted, 0)
		c.askOnce(key, 3, "c", time.Minute).wantReplayed(t, math.MaxInt64-4, 3, 0)
		c.askOnce(key, 6, "b", time.Minute).wantError(t, allocator.ErrExhausted, 0)
	})
}

// What is recorded of an advance that ends with an error is told, and the rest of
// the batch gets the error.
func TestOnceIsToldThoughTheRaceIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h heldSource
		i := allocator.NewIssuer(&h, allocator.IssuerConfig{Peers: true})
		defer i.Stop()
		plain, a, b := newRequest(key, 1), newRequest(key, 2), newRequest(key, 3)
		a.Once, b.Once = &allocator.Once{Key: "a", Window: time.Hour}, &allocator.Once{Key: "b", Window: time.Hour}
		first := newRequest(key, 1)
		i.AllocateStrong(&first.Request)
		for _, r := range []*request{plain, a, b} {
			i.AllocateOnce(&r.Request, false)
		}
		h.end(allocator.Range{First: 9, N: 1}, nil)
		h.advances[0].Answers[0].IDs, h.advances[0].Answers[0].Replayed = allocator.Range{First: 4, N: 2}, true
		lost := allocator.LostRace{Winner: "rival"}
		h.end(allocator.Range{}, &lost)
		plain.wantLost(t, lost)
		a.wantReplayed(t, 4, 2, 0)
		b.wantLost(t, lost)
		first.wantIDs(t, 9, 1, 0)
	})
}

// Stop answers requests that are made once like others.
func TestOnceStop(t *testing.T) {
	inStrong(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		defer m.Stall(key)()
		a := c.askOnce(key, 1, "a", time.Minute)
		synctest.Wait()
		b := c.askOnce(key, 1, "b", time.Minute)
		c.allocator.Stop()
		a.wantError(t, allocator.ErrStopped, 0)
		b.wantError(t, allocator.ErrStopped, 0)
		wantLast(t, m, key, 0)
	})
}

// Ids of an owned key that are held and lower than those that a request got which
// is made once are dropped.
func TestOnceOvertakesWhatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, l := new(allocatortest.Memory), new(ledger)
		i := allocator.NewIssuer(m, allocator.IssuerConfig{Observer: l})
		defer i.Stop()
		if err := i.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		askOwned(i, key, 1).wantIDs(t, 1, 1, 0) // 2 to 10 are held
		r := newRequest(key, 2)
		r.Once = &allocator.Once{Key: "a", Window: time.Hour}
		i.AllocateOnce(&r.Request, true)
		r.wantIDs(t, 11, 2, 0)
		l.wantSkipped(t, map[allocator.Gap]int{allocator.GapOvertaken: 9})
		wantNotTaken(t, i, "")
		askOwned(i, key, 1).wantIDs(t, 13, 1, 0)
	})
}

// So are those that an advance brings which is under way meanwhile.
func TestOnceOvertakesARefill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h heldSource
		l := new(ledger)
		tenure := allocator.NewTenure(time.Now(), time.Now().Add(time.Hour))
		i := allocator.NewIssuer(&h, allocator.IssuerConfig{Observer: l})
		defer i.Stop()
		plain, a := askOwned(i, key, 1), newRequest(key, 2)
		a.Once = &allocator.Once{Key: "a", Window: time.Hour}
		i.AllocateOnce(&a.Request, true)
		refill, claim := h.advances[0], h.advances[1]
		claim.Tenure, claim.Answers[0].IDs = tenure, allocator.Range{First: 11, N: 2}
		claim.Done.Advanced(claim, allocator.Range{}, nil)
		a.wantIDs(t, 11, 2, 0)
		refill.Tenure = tenure
		h.advances = nil
		refill.Done.Advanced(refill, allocator.Range{First: 1, N: 10}, nil)
		plain.wantNoAnswer(t) // another advance begins for it
		h.advances[0].Tenure = tenure
		h.end(allocator.Range{First: 13, N: 10}, nil)
		plain.wantIDs(t, 13, 1, 0)
		l.wantSkipped(t, map[allocator.Gap]int{allocator.GapOvertaken: 10})
	})
}
