package allocator_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

func TestForgottenIdsAreNotIssued(t *testing.T) {
	inWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		c.ask(key, 1, time.Second).wantIDs(t, 1, 1, 0)
		c.ask(other, 1, time.Second).wantIDs(t, 1, 1, 0)
		w.Forget()
		if n := w.Keys(); n != 0 {
			t.Errorf("%d keys are held, want none", n)
		}
		if ids, ok := w.Take(key, 1, 0); ok {
			t.Errorf("Take = %v, want nothing", ids)
		}
		c.ask(key, 1, time.Second).wantIDs(t, 11, 1, 0)
		c.ask(other, 1, time.Second).wantIDs(t, 11, 1, 0)
	})
}

// What an advance brings that began before Forget is dropped too; who waits
// gets ids from another one.
func TestForgetReachesAdvancesUnderWay(t *testing.T) {
	inWeak(t, sized(10), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		m.Script(slow(time.Second))
		waiting := c.ask(key, 1, time.Minute)
		synctest.Wait()
		w.Forget()
		if n := w.Keys(); n != 1 {
			t.Errorf("%d keys are held, want the one that is waited for", n)
		}
		m.Script(nil)
		time.Sleep(time.Second)
		waiting.wantIDs(t, 11, 1, time.Second)
		c.ask(key, 1, time.Second).wantIDs(t, 12, 1, 0)

		// One that nobody waits for.
		m.Script(slow(time.Second))
		c.ask(key, 5, time.Second).wantIDs(t, 13, 5, 0) // half is spent
		synctest.Wait()
		w.Forget()
		m.Script(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if ids, ok := w.Take(key, 1, 0); ok {
			t.Errorf("Take = %v, want nothing", ids)
		}
		c.ask(key, 1, time.Second).wantIDs(t, 31, 1, 0)
	})
}

// After somebody else has raised the counter, a worker still spends what it
// holds: at most one and a half segments, because the next one is fetched when
// half of the current one is spent.
func TestWeakIdsBelowARaise(t *testing.T) {
	const size, raised = 10, 1_000_000
	worst := 0
	for spent := range 4 * size {
		inWeak(t, sized(size), func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
			rival := allocator.NewStrong(m, nil)
			defer rival.Stop()
			c.ask(key, 1, time.Second).wantIDs(t, 1, 1, 0)
			for range spent { // the rival keeps the segments from being adjacent
				if _, err := allocator.Wait(t.Context(), rival, key, 1); err != nil {
					t.Error(err)
				}
				if ids, _ := w.Take(key, 1, 0); ids.N == 0 {
					t.Fatal("nothing in memory")
				}
				synctest.Wait()
			}
			m.Set(key, raised)
			below := 0
			for {
				ids, err := allocator.Wait(t.Context(), w, key, 1)
				if err != nil || ids.First > raised {
					break
				}
				below++
				synctest.Wait()
			}
			worst = max(worst, below)
		})
	}
	if worst < size || worst > size*3/2 {
		t.Errorf("up to %d ids below the raise, want more than one segment of %d, and not more than one and a half", worst, size)
	}
}
