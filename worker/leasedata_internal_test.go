package worker

import (
	"testing"
	"time"
)

// What discovery tells of leases is the store's own, its backend's and the whole
// worker's, and a store without a lease shows none of the lease beside it.
func TestLeaseData(t *testing.T) {
	s := Snapshot{
		HandedOver: 1, HandoversRefused: 2, HandoversLost: 3, HandoversReceived: 4,
		Stores: []StoreSnapshot{
			{Name: "free"},
			{Name: "orders", Takeovers: map[string]int64{"gone": 5, "stood_still": 6}, Unleased: 7},
		},
		Backends: []BackendSnapshot{
			{OwnedKeys: 10, LeaseLeft: time.Second},
			{OwnedKeys: 20, LeaseLeft: 2 * time.Second},
		},
	}
	whole := LeaseData{OwnedKeys: 30, HandedOver: 1, HandoversRefused: 2, HandoversLost: 3, HandoversReceived: 4}
	if got := leaseData(s, s.Stores[0], 1, 0); got != whole {
		t.Errorf("without a lease: got %+v, want %+v", got, whole)
	}
	want := whole
	want.Leased, want.LeaseMs, want.LeaseLeftMs, want.LeaseState, want.Takeovers, want.Unleased = true, 3000, 2000, LeaseHeld, 11, 7
	if got := leaseData(s, s.Stores[1], 1, 3*time.Second); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	s.Backends[1].LeaseLeft = -time.Millisecond // what is over is told as none
	if got := leaseData(s, s.Stores[1], 1, 3*time.Second).LeaseLeftMs; got != 0 {
		t.Errorf("%d ms are left of a lease that is over", got)
	}
}

// A lease that is late is told from one that is over, and from one that a worker
// without keys does not need.
func TestLeaseState(t *testing.T) {
	for _, test := range []struct {
		lease, left time.Duration
		keys        int
		want        LeaseState
	}{
		{0, 0, 0, LeaseNone},
		{3 * time.Second, 0, 0, LeaseIdle},
		{3 * time.Second, time.Second, 0, LeaseIdle},
		{3 * time.Second, 2700 * time.Millisecond, 1, LeaseHeld},
		{3 * time.Second, 1500 * time.Millisecond, 1, LeaseHeld},
		{3 * time.Second, 1499 * time.Millisecond, 1, LeaseLate},
		{3 * time.Second, 0, 1, LeaseLost},
		{3 * time.Second, -time.Second, 1, LeaseLost},
	} {
		b := BackendSnapshot{Lease: test.lease, LeaseLeft: test.left, OwnedKeys: test.keys}
		if got := b.LeaseState(); got != test.want {
			t.Errorf("%v left of %v, %d keys: got %q, want %q", test.left, test.lease, test.keys, got, test.want)
		}
	}
}
