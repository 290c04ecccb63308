package worker

import "time"

// LeaseState is how a worker's lease stands.
type LeaseState string

// The states of a lease.
const (
	LeaseNone LeaseState = ""     // keys are not owned
	LeaseIdle LeaseState = "idle" // the worker owns nothing now, and would lose nothing
	LeaseHeld LeaseState = "held" // it is renewed in time
	LeaseLate LeaseState = "late" // its renewal is overdue
	LeaseLost LeaseState = "lost" // it has ended, and the worker issues no ids of the keys that it owned
)

// LeaseState returns how the lease stands. It is renewed every third, and counts
// as over when nine tenths have passed: more than half is left if all is well.
func (b BackendSnapshot) LeaseState() LeaseState {
	switch {
	case b.Lease == 0:
		return LeaseNone
	case b.OwnedKeys == 0:
		return LeaseIdle
	case b.LeaseLeft <= 0:
		return LeaseLost
	case b.LeaseLeft < b.Lease/2:
		return LeaseLate
	}
	return LeaseHeld
}

// LeaseData is what the statistics of an endpoint say about owned keys, and about
// requests that went between workers. Counts begin at the start of the worker.
type LeaseData struct {
	Leased      bool       `json:"leased"`        // one worker owns each of the store's keys
	LeaseMs     int64      `json:"lease_ms"`      // how long they are owned without a renewal; 0: they are not owned
	LeaseLeftMs int64      `json:"lease_left_ms"` // how long the worker may still issue ids of them, unless it renews; 0: it owns nothing
	LeaseState  LeaseState `json:"lease_state"`
	Takeovers   int64      `json:"takeovers"` // takeovers of the store's keys from other workers
	Unleased    int64      `json:"unleased"`  // requests refused for want of a lease

	OwnedKeys         int64 `json:"owned_keys"`         // now, by the whole worker
	HandedOver        int64 `json:"handed_over"`        // requests that other workers have taken from this one
	HandoversRefused  int64 `json:"handovers_refused"`  // requests that other workers did not take from it
	HandoversLost     int64 `json:"handovers_lost"`     // requests about which the other worker said nothing
	HandoversReceived int64 `json:"handovers_received"` // requests that it has taken from others
}

// leaseData returns what s holds for a store, whose keys have that lease and are
// kept in s.Backends[backend].
func leaseData(s Snapshot, st StoreSnapshot, backend int, lease time.Duration) LeaseData {
	d := LeaseData{
		Leased: lease > 0, LeaseMs: lease.Milliseconds(), Unleased: st.Unleased,
		HandedOver: s.HandedOver, HandoversRefused: s.HandoversRefused, HandoversLost: s.HandoversLost, HandoversReceived: s.HandoversReceived,
	}
	for _, n := range st.Takeovers {
		d.Takeovers += n
	}
	for _, b := range s.Backends {
		d.OwnedKeys += int64(b.OwnedKeys)
	}
	if d.Leased {
		b := s.Backends[backend]
		b.Lease = lease
		d.LeaseState, d.LeaseLeftMs = b.LeaseState(), max(b.LeaseLeft, 0).Milliseconds()
	}
	return d
}

// lease returns for how long the store's keys are owned; 0: they are not.
func (st *store) lease() time.Duration {
	if st.Leased {
		return st.backend.Lease
	}
	return 0
}
