package worker

import (
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// A clock that a suspended machine's stands still behind tells of it, once.
func TestSuspension(t *testing.T) {
	ahead, known := time.Hour, true
	s := newSuspension(func() (time.Duration, bool) { return ahead, known })
	for _, test := range []struct{ more, want time.Duration }{{0, 0}, {time.Minute, time.Minute}, {0, 0}, {time.Millisecond, time.Millisecond}} {
		ahead += test.more
		if got := s.since(); got != test.want {
			t.Errorf("suspended for %v, want %v", got, test.want)
		}
	}
	known, ahead = false, 2*time.Hour
	if got := s.since(); got != 0 {
		t.Errorf("without such a clock it was suspended for %v", got)
	}
}

// The two clocks of this machine do not drift apart while it runs.
func TestDrift(t *testing.T) {
	s := newSuspension(drift)
	if d := s.since(); d > maxDrift || d < -maxDrift {
		t.Errorf("they are %v apart", d)
	}
}

// A worker whose machine was suspended issues nothing of what it owned before.
func TestSuspendedWorkerLetsGo(t *testing.T) {
	in := runInside(t, func(c *Config) {
		c.Backends[0].Lease, c.Backends[0].Stores = time.Hour, []Store{{Name: "a", Leased: true}}
	})
	b := in.backends[0]
	until(t, func() bool { return b.lease.renewals.Load() > 0 })
	key := allocator.Key{Store: "a", Name: "k"}
	if _, err := in.nc.Request("seq.a.k", nil, time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := b.issuer.TakeOwned(key, 1, 0, time.Now()); !ok {
		t.Fatal("the key is not owned")
	}
	in.suspended(time.Minute)
	until(t, func() bool { return b.issuer.OwnedKeys() == 0 })
	until(t, func() bool { return b.lease.renewals.Load() > 1 }) // and goes on
	if n := in.Snapshot().Suspensions; n != 1 {
		t.Errorf("%d suspensions are counted, want one", n)
	}
}
