package allocator_test

import (
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// ledger is an Observer that keeps the books of one store.
type ledger struct {
	mu                          sync.Mutex
	batches, requests, batchIDs int
	segments, segmentIDs        int
	skipped                     map[allocator.Gap]int
	tookOver                    map[allocator.Takeover]int
}

func (l *ledger) Batch(_ string, requests, ids int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.batches++
	l.requests += requests
	l.batchIDs += ids
}

func (l *ledger) Segment(_ string, ids int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.segments++
	l.segmentIDs += ids
}

func (l *ledger) Skipped(store string, ids int, why allocator.Gap) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ids <= 0 || store != key.Store {
		panic("nothing was skipped")
	}
	if l.skipped == nil {
		l.skipped = map[allocator.Gap]int{}
	}
	l.skipped[why] += ids
}

func (l *ledger) TookOver(_ string, why allocator.Takeover) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tookOver == nil {
		l.tookOver = map[allocator.Takeover]int{}
	}
	l.tookOver[why]++
}

func (l *ledger) wantSkipped(t *testing.T, want map[allocator.Gap]int) {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !maps.Equal(l.skipped, want) {
		t.Errorf("skipped %v, want %v", l.skipped, want)
	}
}

func inLedgerWeak(t *testing.T, config allocator.WeakConfig, test func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller, l *ledger)) {
	t.Helper()
	l := new(ledger)
	config.Observer = l
	inWeak(t, config, func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		test(t, m, w, c, l)
	})
}

func TestWeakTellsOfGaps(t *testing.T) {
	t.Run("remainder", func(t *testing.T) {
		inLedgerWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller, l *ledger) {
			c.ask(key, 4, time.Second).wantIDs(t, 1, 4, 0)
			m.Set(key, 20) // another worker's, so that the next segment does not follow
			c.ask(key, 4, time.Second).wantIDs(t, 5, 4, 0)
			l.wantSkipped(t, nil)
			c.ask(key, 4, time.Second).wantIDs(t, 21, 4, 0)
			l.wantSkipped(t, map[allocator.Gap]int{allocator.GapRemainder: 2})
			if l.segments != 2 || l.segmentIDs != 20 {
				t.Errorf("%d segments of %d ids", l.segments, l.segmentIDs)
			}
		})
	})
	t.Run("remainder of who waited", func(t *testing.T) {
		inLedgerWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller, l *ledger) {
			c.ask(key, 4, time.Second).wantIDs(t, 1, 4, 0)
			m.Set(key, 20)
			c.ask(key, 50, time.Second).wantIDs(t, 21, 50, 0) // goes past the six in memory
			l.wantSkipped(t, map[allocator.Gap]int{allocator.GapRemainder: 6})
		})
	})
	t.Run("evicted", func(t *testing.T) {
		config := sized(10)
		config.MaxKeys = 1
		inLedgerWeak(t, config, func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller, l *ledger) {
			c.ask(key, 4, time.Second).wantIDs(t, 1, 4, 0)
			c.ask(other, 1, time.Second).wantIDs(t, 1, 1, 0)
			l.wantSkipped(t, map[allocator.Gap]int{allocator.GapEvicted: 6})
		})
	})
	t.Run("revoked", func(t *testing.T) {
		inLedgerWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller, l *ledger) {
			c.ask(key, 4, time.Second).wantIDs(t, 1, 4, 0)
			m.Script(slow(time.Second))
			c.ask(other, 1, time.Minute)
			synctest.Wait()
			w.Forget()
			l.wantSkipped(t, map[allocator.Gap]int{allocator.GapRevoked: 6})
			time.Sleep(time.Minute) // other's first ten were under way
			l.wantSkipped(t, map[allocator.Gap]int{allocator.GapRevoked: 16})
		})
	})
}

func TestStrongTellsOfBatchesAndGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, l := new(allocatortest.Memory), new(ledger)
		c := newCaller(t, allocator.NewStrong(m, l))
		release := m.Stall(key)
		c.ask(key, 1, time.Minute)
		for range 9 {
			c.ask(key, 2, time.Minute)
		}
		expires := c.ask(key, 5, time.Second)
		release()
		synctest.Wait()
		if l.batches != 2 || l.requests != 11 || l.batchIDs != 24 {
			t.Errorf("%d batches of %d requests for %d ids", l.batches, l.requests, l.batchIDs)
		}
		expires.wantIDs(t, 20, 5, 0)
		l.wantSkipped(t, nil)

		m.Script(slow(4 * time.Second))
		c.ask(key, 7, time.Second).wantNoAnswer(t)
		time.Sleep(time.Minute)
		l.wantSkipped(t, nil) // an advance that failed skips nothing that Strong knows of
		m.Script(slow(2 * time.Second))
		release = m.Stall(key)
		c.ask(key, 1, time.Minute)
		synctest.Wait()
		c.ask(key, 7, 3*time.Second)
		c.ask(key, 3, time.Minute)
		release() // the second batch is under way from 2 s to 4 s
		time.Sleep(time.Minute)
		l.wantSkipped(t, map[allocator.Gap]int{allocator.GapExpired: 7})
	})
}

// Whatever happens, an id that was reserved is issued or told of as skipped, and
// none is both: the books balance.
func TestBooksBalance(t *testing.T) {
	for seed := range uint64(50) {
		for _, mode := range modes {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 0))
				m, l := new(allocatortest.Memory), new(ledger)
				m.Script(func(allocatortest.Call) allocatortest.Fault {
					l.mu.Lock()
					defer l.mu.Unlock()
					// To the nanosecond, so that no advance ends just when a request does: an
					// error then would hide what was reserved.
					return allocatortest.Fault{Before: time.Duration(random.Int64N(int64(50 * time.Millisecond)))}
				})
				config := sized(20)
				config.MaxKeys, config.Observer = 3, l
				w, weak := allocator.NewWeak(m, config), mode.name == "Weak"
				c := newCaller(t, w)
				if !weak {
					w.Stop()
					c.allocator = allocator.NewStrong(m, l)
				}
				keys := make([]allocator.Key, 5)
				for i := range keys {
					keys[i] = numbered(i)
				}
				for range 500 {
					l.mu.Lock()
					k, n, patience := keys[random.IntN(len(keys))], 1+random.IntN(12), time.Duration(1+random.IntN(100))*time.Millisecond
					forget, wait := random.IntN(50) == 0, time.Duration(random.IntN(5))*time.Millisecond
					l.mu.Unlock()
					if weak && forget {
						w.Forget()
					}
					c.ask(k, n, patience)
					time.Sleep(wait)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if weak {
					w.Forget() // what is in memory still
				}
				reserved, issued, skipped := 0, 0, 0
				for _, k := range keys {
					reserved += int(m.Last(k))
				}
				for _, r := range c.requests {
					for _, answer := range r.got() {
						issued += answer.ids.N
					}
				}
				for _, n := range l.skipped {
					skipped += n
				}
				// An advance whose time was up is an error to the allocator, and
				// here reserves nothing.
				if reserved != issued+skipped {
					t.Errorf("seed %d, %s: %d ids were reserved, %d issued and %d skipped", seed, mode.name, reserved, issued, skipped)
				}
			})
		}
	}
}

func TestWeakTellsWhyARequestWaited(t *testing.T) {
	inWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		want := func(r *request, why allocator.WaitCause) {
			t.Helper()
			r.got()
			if r.Waited != why {
				t.Errorf("a request for %d ids waited because %v, want %v", r.N, r.Waited, why)
			}
		}
		want(c.ask(key, 1, time.Second), allocator.WaitCold)
		want(c.ask(key, 1, time.Second), allocator.NoWait)
		want(c.ask(key, 30, time.Second), allocator.WaitLarge)
		release := m.Stall(other)
		want(c.ask(other, 1, time.Second), allocator.WaitCold)
		want(c.ask(other, 30, time.Second), allocator.WaitCold)
		release()
		synctest.Wait()
		release = m.Stall(other)
		for range 9 {
			want(c.ask(other, 1, time.Second), allocator.NoWait)
		}
		want(c.ask(other, 4, time.Second), allocator.WaitLate)
		release()

		// A key is cold until its first segment is there, and no longer.
		m.Script(slow(time.Second))
		third := allocator.Key{Store: "s", Name: "third"}
		want(c.ask(third, 1, time.Minute), allocator.WaitCold)
		want(c.ask(third, 30, time.Minute), allocator.WaitCold) // takes another advance
		time.Sleep(1500 * time.Millisecond)
		want(c.ask(third, 1, time.Minute), allocator.WaitLate)
		time.Sleep(time.Minute)
	})
}
