package allocator_test

import (
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// newOwner returns an Issuer that owns key, and has ids of it for a while.
func newOwner(t testing.TB, key allocator.Key) *allocator.Issuer {
	t.Helper()
	memory := &allocatortest.Memory{}
	sizes := allocator.Segments{Min: 1 << 30, Max: 1 << 30}
	issuer := allocator.NewIssuer(memory, allocator.IssuerConfig{Segments: func(allocator.Key) allocator.Segments { return sizes }})
	t.Cleanup(issuer.Stop)
	if err := issuer.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := allocator.Wait(t.Context(), owned{issuer}, key, 1); err != nil {
		t.Fatal(err)
	}
	return issuer
}

type owned struct{ *allocator.Issuer }

func (o owned) Allocate(r *allocator.Request) { o.AllocateOwned(r) }

// What an owner hands out from memory costs no allocation, and neither does
// finding out that another one owns the key.
func TestTakeOwnedAllocatesNothing(t *testing.T) {
	key := allocator.Key{Store: "demo", Name: "key"}
	issuer := newOwner(t, key)
	if n := testing.AllocsPerRun(1000, func() {
		if _, _, ok := issuer.TakeOwned(key, 3, time.Now()); !ok {
			t.Error("the key is not owned")
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	other := allocator.Key{Store: "demo", Name: "other"}
	if n := testing.AllocsPerRun(1000, func() {
		if _, _, ok := issuer.TakeOwned(other, 3, time.Now()); ok {
			t.Error("a key is owned that nobody has claimed")
		}
	}); n > 0 {
		t.Errorf("%v allocations for a key that is not there", n)
	}
}

// BenchmarkTakeOwned reads no clock: its caller has.
func BenchmarkTakeOwned(b *testing.B) {
	key := allocator.Key{Store: "demo", Name: "key"}
	issuer := newOwner(b, key)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := issuer.TakeOwned(key, 1, now); !ok {
			b.Fatal("the key is not owned")
		}
	}
}
