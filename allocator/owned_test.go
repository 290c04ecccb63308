package allocator_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// estate is a Source whose tenures a test makes by itself, and whose keys others
// may own.
type estate struct {
	allocatortest.Memory
	tenure   *allocator.Tenure        // of the advances that begin from now on
	owners   map[allocator.Key]string // keys of other processes
	asked    []string                 // Asked of the advances so far
	released []allocator.Range
}

func (e *estate) Start(a *allocator.Advance) {
	e.asked = append(e.asked, a.Asked)
	if owner := e.owners[a.Key]; owner != "" && a.Asked != owner {
		a.Done.Advanced(a, allocator.Range{}, &allocator.LostRace{Winner: owner, Owner: true})
		return
	}
	if a.Owned {
		a.Tenure = e.tenure
	}
	allocatortest.Start(a, e.Advance)
}

func (e *estate) Renew(context.Context) error { return nil }

func (e *estate) Release(key allocator.Key, rest allocator.Range) {
	e.released = append(e.released, rest)
	e.Memory.Release(key, rest)
}

// inEstate runs a test in a bubble, with an Issuer that owns keys for a minute.
func inEstate(t *testing.T, test func(t *testing.T, e *estate, i *allocator.Issuer, l *ledger)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := &estate{tenure: allocator.NewTenure(time.Now(), time.Now().Add(time.Minute)), owners: map[allocator.Key]string{}}
		l := new(ledger)
		i := allocator.NewIssuer(e, allocator.IssuerConfig{Observer: l})
		defer i.Stop()
		test(t, e, i, l)
	})
}

func askOwned(i *allocator.Issuer, key allocator.Key, n int) *request {
	r := newRequest(key, n)
	i.AllocateOwned(&r.Request)
	return r
}

func wantTaken(t *testing.T, i *allocator.Issuer, n int, first int64) {
	t.Helper()
	ids, owner, ok := i.TakeOwned(key, n, 0, time.Now())
	if want := (allocator.Range{First: first, N: n}); !ok || ids != want {
		t.Errorf("TakeOwned = %v, %q, %v; want %v", ids, owner, ok, want)
	}
}

func wantNotTaken(t *testing.T, i *allocator.Issuer, want string) {
	t.Helper()
	if ids, owner, ok := i.TakeOwned(key, 1, 0, time.Now()); ok || owner != want {
		t.Errorf("TakeOwned = %v, %q, %v; want nothing, of %q", ids, owner, ok, want)
	}
}

// A key is claimed once, and then served from memory until the tenure ends: at
// its end to the nanosecond, and by the clock as it is then.
func TestOwnedKeyIsServedFromMemory(t *testing.T) {
	inEstate(t, func(t *testing.T, e *estate, i *allocator.Issuer, l *ledger) {
		wantNotTaken(t, i, "")
		askOwned(i, key, 1).wantIDs(t, 1, 1, 0)
		wantTaken(t, i, 2, 2)
		time.Sleep(time.Minute - 1)
		wantTaken(t, i, 1, 4)
		synctest.Wait()
		time.Sleep(time.Nanosecond)
		wantNotTaken(t, i, "")
		if ids, _, ok := i.TakeOwned(key, 1, 0, time.Now().Add(-time.Second)); !ok {
			t.Errorf("a request of a second ago is refused: %v", ids) // that time is the caller's promise
		}
	})
}

// What was reserved in a tenure that is over is never issued, whatever the
// tenure that the process has by now.
func TestOwnedIDsBelongToTheirTenure(t *testing.T) {
	inEstate(t, func(t *testing.T, e *estate, i *allocator.Issuer, l *ledger) {
		askOwned(i, key, 1).wantIDs(t, 1, 1, 0)
		askOwned(i, other, 1).wantIDs(t, 1, 1, 0)
		e.tenure.End()
		e.tenure.Extend(time.Now().Add(time.Hour))
		wantNotTaken(t, i, "")
		e.tenure = allocator.NewTenure(time.Now(), time.Now().Add(time.Minute))
		wantNotTaken(t, i, "")
		askOwned(i, other, 1).wantIDs(t, 11, 1, 0) // the new tenure comes with it
		wantNotTaken(t, i, "")
		askOwned(i, key, 1).wantIDs(t, 11, 1, 0)
		l.wantSkipped(t, map[allocator.Gap]int{allocator.GapTenure: 18})
	})
}

// A window that comes when its tenure is over goes to nobody; who waits for it
// gets ids of the next one.
func TestOwnedWindowComesLate(t *testing.T) {
	inEstate(t, func(t *testing.T, e *estate, i *allocator.Issuer, l *ledger) {
		release := e.Stall(key)
		r := askOwned(i, key, 1)
		synctest.Wait()
		e.tenure.End()
		e.tenure = allocator.NewTenure(time.Now(), time.Now().Add(time.Minute))
		askOwned(i, other, 1).wantIDs(t, 1, 1, 0)
		release()
		r.wantIDs(t, 11, 1, 0)
		wantTaken(t, i, 1, 12)
		l.wantSkipped(t, map[allocator.Gap]int{allocator.GapTenure: 10})
	})
}

// Whose key it is, the first request finds out, and the others are told at once.
// Once the owner was asked in vain, an advance waits for its end.
func TestKeyOfAnotherOwner(t *testing.T) {
	inEstate(t, func(t *testing.T, e *estate, i *allocator.Issuer, l *ledger) {
		e.owners[key] = "b"
		askOwned(i, key, 1).wantLost(t, allocator.LostRace{Winner: "b", Owner: true})
		wantNotTaken(t, i, "b")
		askOwned(i, key, 1).wantLost(t, allocator.LostRace{Winner: "b", Owner: true})
		if len(e.asked) != 1 || i.OwnedKeys() != 0 {
			t.Errorf("%d advances, and %d keys are owned; want 1 and 0", len(e.asked), i.OwnedKeys())
		}

		i.Refused(key, "a")
		wantNotTaken(t, i, "b")
		i.Refused(key, "b")
		wantNotTaken(t, i, "")
		e.owners[key] = "c" // it was taken over meanwhile
		r := newRequest(key, 1)
		r.Direct, r.Asked = true, "b"
		i.AllocateOwned(&r.Request)
		r.wantLost(t, allocator.LostRace{Winner: "c", Owner: true})
		r = newRequest(key, 1)
		r.Direct, r.Asked = true, "c"
		i.AllocateOwned(&r.Request)
		r.wantIDs(t, 1, 1, 0)
		wantTaken(t, i, 1, 2)
		if got, want := fmt.Sprint(e.asked), "[ b c]"; got != want || i.OwnedKeys() != 1 {
			t.Errorf("asked %s, and %d keys are owned; want %s and 1", got, i.OwnedKeys(), want)
		}
	})
}

// Who has asked the owner in vain waits for the next advance, when one that began
// before ends with the owner's name.
func TestAskedInVainWhileAnAdvanceIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h heldSource
		i := allocator.NewIssuer(&h, allocator.IssuerConfig{})
		defer i.Stop()
		first := askOwned(i, key, 1)
		asked := newRequest(key, 1)
		asked.Direct, asked.Asked = true, "b"
		i.AllocateOwned(&asked.Request)
		h.end(allocator.Range{}, &allocator.LostRace{Winner: "b", Owner: true})
		first.wantLost(t, allocator.LostRace{Winner: "b", Owner: true})
		asked.wantNoAnswer(t)
		if a := h.advances[0]; a.Asked != "b" {
			t.Errorf("the next advance was asked %q, want b", a.Asked)
		}
		h.end(allocator.Range{}, &allocator.LostRace{Winner: "b", Owner: true}) // it has renewed
		asked.wantLost(t, allocator.LostRace{Winner: "b", Owner: true})
		wantNotTaken(t, i, "b")
	})
}

// heldSource is a Source whose advances a test ends by itself.
type heldSource struct {
	allocatortest.Memory
	held
}

func (h *heldSource) Start(a *allocator.Advance) { h.held.Start(a) }

func (h *heldSource) end(ids allocator.Range, err error) {
	a := h.advances[0]
	h.advances = h.advances[1:]
	a.Done.Advanced(a, ids, err)
}

// Keys that nobody uses are given back with the rest of their windows, and
// those in use are not.
func TestIdleKeysAreLetGo(t *testing.T) {
	inEstate(t, func(t *testing.T, e *estate, i *allocator.Issuer, l *ledger) {
		e.tenure.Extend(time.Now().Add(time.Hour))
		askOwned(i, key, 3).wantIDs(t, 1, 3, 0)
		askOwned(i, other, 1).wantIDs(t, 1, 1, 0)
		next := int64(4)
		for range 130 {
			wantTaken(t, i, 1, next)
			synctest.Wait()
			next++
			if err := i.Renew(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := fmt.Sprint(e.released), "[{2 9}]"; got != want || i.OwnedKeys() != 1 {
			t.Errorf("released %s, and %d keys are owned; want %s and 1", got, i.OwnedKeys(), want)
		}
		wantLast(t, &e.Memory, other, 1)
		askOwned(i, other, 1).wantIDs(t, 2, 1, 0)
	})
}

// When all keys are let go of, the tenure is over before the first is given
// back, and what is on its way is dropped.
func TestLetGo(t *testing.T) {
	inEstate(t, func(t *testing.T, e *estate, i *allocator.Issuer, l *ledger) {
		askOwned(i, key, 1).wantIDs(t, 1, 1, 0)
		release := e.Stall(other)
		r := askOwned(i, other, 1)
		synctest.Wait()
		if err := i.LetGo(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantNotTaken(t, i, "")
		wantLast(t, &e.Memory, key, 1)
		if i.OwnedKeys() != 1 { // the one that is waited for
			t.Errorf("%d keys are owned, want 1", i.OwnedKeys())
		}
		e.tenure = allocator.NewTenure(time.Now(), time.Now().Add(time.Minute))
		release()
		r.wantIDs(t, 11, 1, 0)
		l.wantSkipped(t, map[allocator.Gap]int{allocator.GapRevoked: 10})
		askOwned(i, key, 1).wantIDs(t, 2, 1, 0)
	})
}

// An operator who has raised a key has what is held of it dropped.
func TestDrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c contested
		i := allocator.NewIssuer(&c, allocator.IssuerConfig{})
		defer i.Stop()
		if err := i.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		askOwned(i, key, 1).wantIDs(t, 1, 1, 0)
		askOwned(i, other, 1).wantIDs(t, 1, 1, 0)
		c.Set(key, 1000)
		c.hooks.Drop(key)
		wantNotTaken(t, i, "")
		askOwned(i, key, 1).wantIDs(t, 1001, 1, 0)
		askOwned(i, other, 1).wantIDs(t, 2, 1, 0)
	})
}

func TestTakeOwnedAllocatesNothing(t *testing.T) {
	var m allocatortest.Memory
	i := allocator.NewIssuer(&m, allocator.IssuerConfig{Segments: func(allocator.Key) allocator.Segments {
		return allocator.Segments{Min: 1_000_000}
	}})
	defer i.Stop()
	if err := i.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := newRequest(key, 1)
	told := make(chan struct{})
	r.Waiter = waiterFunc(func() { close(told) })
	i.AllocateOwned(&r.Request)
	<-told
	allocs := testing.AllocsPerRun(1000, func() {
		if _, _, ok := i.TakeOwned(key, 2, 0, time.Now()); !ok {
			t.Error("TakeOwned found nothing")
		}
	})
	if allocs != 0 {
		t.Errorf("TakeOwned allocates %v times, want 0", allocs)
	}
}

type waiterFunc func()

func (f waiterFunc) Allocated(*allocator.Request, allocator.Range, error) { f() }
