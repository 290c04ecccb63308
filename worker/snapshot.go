package worker

import (
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/internal/histogram"
)

// Snapshot is what a worker has counted since it started, and its present state.
// Nothing in it is counted by key, because there may be millions of keys.
type Snapshot struct {
	State         State
	Connected     bool  // to NATS
	Reconnects    int64 // to NATS
	Pauses        int64 // times the process stood still
	Suspensions   int64 // times the machine stood still, and the process's clock with it
	InFlight      int64 // requests accepted and not answered
	InFlightLimit int   // further requests are answered BUSY
	QueueLimit    int   // messages that a store's subscription holds at most; further ones are dropped
	NoReply       int64 // requests without a usable reply subject

	AnswersLost          map[string]int64 // by cause: LostRefused, LostTooLarge, LostUnsent
	SubscriptionsRefused int64            // subscriptions that NATS refused, and without which a worker can serve

	ID, Host string

	ClockOffset time.Duration // how far the clock of another worker is ahead of this worker's, for the one that differs most; see worker/clock.go

	HandedOver        int64 // requests that another worker has taken from this one
	HandoversRefused  int64 // requests that another worker did not take, because it does not serve or does not win
	HandoversLost     int64 // requests that another worker was sent, and said nothing about
	HandoverMessages  int64 // messages in which requests were handed over
	HandoversReceived int64 // requests that this worker has taken from others

	Stores   []StoreSnapshot
	Backends []BackendSnapshot
}

// StoreSnapshot is a configured store's part of a Snapshot. Requests for stores
// without rules of their own are counted together, under subjects.AnyStore.
type StoreSnapshot struct {
	Name     string
	State    State
	Queued   int   // messages that are not handled yet
	Dropped  int64 // messages that nats.go dropped unanswered
	Answers  []Answers
	Failures []Failures

	Batches    histogram.Snapshot // requests in a batch
	Segments   int64              // reserved
	SegmentIDs int64              // ids in these segments
	Skipped    map[string]int64   // skipped ids, by cause
	Waits      []Waits

	Replayed int64 // repeats that were answered with the ids which the first request had got

	Leased    bool             // its keys are owned
	Takeovers map[string]int64 // takeovers of keys that other workers owned, by cause
	Unleased  int64            // requests that were refused because this worker, or the key's owner, had no lease

	IDsLeft         int64 // ids that are left of the key with the fewest, of all keys asked for since the start
	NearlyExhausted int64 // keys seen past 90 % of all ids
}

// Answers are the requests answered with ids.
type Answers struct {
	Mode, Path string             // weak fast, weak slow, strong slow; of leased stores, strong fast
	IDs        int64              // in the answers
	Duration   histogram.Snapshot // from arrival to answer, in seconds
}

// Failures are the requests answered with an error.
type Failures struct {
	Mode, Code string // mode is "none" for a request that was refused before its mode was known or allowed
	N          int64
}

// Waits are the requests that had to wait for a segment.
type Waits struct {
	Cause string
	N     int64
	Time  time.Duration // from arrival to answer, summed
}

// BackendSnapshot is a backend's part of a [Snapshot].
type BackendSnapshot struct {
	Name      string
	Keys      int // weak keys in memory
	KeysLimit int // how many weak keys, and how many owned ones, there may be in memory

	Lease          time.Duration      // how long keys are owned without a renewal; 0: none are owned
	OwnedKeys      int                // how many this worker owns
	LeaseLeft      time.Duration      // how long this worker may still issue ids of them, unless it renews; 0: it owns nothing
	Renewals       int64              // renewals of the session that succeeded
	RenewalsFailed int64              // renewals that etcd did not take
	RenewalsHeld   int64              // renewals that were not tried, because this worker could not show that it serves
	RenewalGap     histogram.Snapshot // the time from one renewal that succeeded to the next, in seconds
}

// Snapshot returns what the worker has counted. It does not block for long, and
// asks neither NATS nor etcd.
func (w *Worker) Snapshot() Snapshot {
	s := Snapshot{
		State:         w.State(),
		Connected:     w.connected.Load(),
		Reconnects:    w.reconnects.Load(),
		Pauses:        w.pauses.Load(),
		Suspensions:   w.suspensions.Load(),
		InFlight:      w.waiting.Load(),
		InFlightLimit: w.config.MaxWaiting,
		QueueLimit:    w.queueLimit(),
		NoReply:       w.noReply.Load(),
		AnswersLost: map[string]int64{
			LostRefused:  w.answers.refused.Load(),
			LostTooLarge: w.answers.tooLarge.Load(),
			LostUnsent:   w.answers.unsent.Load(),
		},
		SubscriptionsRefused: w.deafTo.Load(),
		ID:                   w.config.ID,
		Host:                 w.config.Host,
		ClockOffset:          w.clocks.clockOffset(),

		HandedOver:        w.handovers.stats.taken.Load(),
		HandoversRefused:  w.handovers.stats.refused.Load(),
		HandoversLost:     w.handovers.stats.lost.Load(),
		HandoverMessages:  w.handovers.stats.messages.Load(),
		HandoversReceived: w.handovers.stats.received.Load(),
	}
	for _, st := range w.sortedStores() {
		s.Stores = append(s.Stores, st.snapshot())
	}
	limit := w.config.MaxKeys
	if limit == 0 {
		limit = allocator.DefaultMaxKeys
	}
	for _, b := range w.backends {
		bs := BackendSnapshot{Name: b.Name, Keys: b.issuer.Keys(), KeysLimit: limit}
		b.lease.snapshot(&bs)
		s.Backends = append(s.Backends, bs)
	}
	return s
}

func (st *store) snapshot() StoreSnapshot {
	c := &st.stats
	s := StoreSnapshot{
		Name:            st.Name,
		State:           st.currentState(),
		Queued:          st.queued(),
		Dropped:         st.dropped(),
		Batches:         c.batches.Snapshot(),
		Segments:        c.segments.Load(),
		SegmentIDs:      c.segmentIDs.Load(),
		Skipped:         map[string]int64{},
		IDsLeft:         c.left(),
		NearlyExhausted: c.nearlyExhausted.Load(),
		Leased:          st.Leased,
		Takeovers:       map[string]int64{},
		Unleased:        c.unleased.Load(),
		Replayed:        c.replayed.Load(),
	}
	for why := range allocator.Takeovers {
		s.Takeovers[why.String()] = c.takeovers[why].Load()
	}
	paths := []lane{weakFast, weakSlow, strongLane}
	if st.Leased {
		paths = append(paths, strongFast)
	}
	for _, l := range paths {
		s.Answers = append(s.Answers, Answers{Mode: l.mode(), Path: l.path(), IDs: c.ids[l].Load(), Duration: c.answers[l].Snapshot()})
	}
	for _, l := range []lane{noLane, weakSlow, strongLane} {
		for i, code := range codes {
			s.Failures = append(s.Failures, Failures{Mode: l.mode(), Code: string(code), N: c.failures[l][i].Load()})
		}
	}
	for why := range allocator.Gaps {
		s.Skipped[why.String()] = c.skipped[why].Load()
	}
	for why := allocator.NoWait + 1; why < allocator.WaitCauses; why++ {
		s.Waits = append(s.Waits, Waits{Cause: why.String(), N: c.waits[why].Load(), Time: time.Duration(c.waitNanos[why].Load())})
	}
	return s
}

// queued returns how many messages nats.go holds for the store that are not
// handled yet.
func (st *store) queued() int {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.sub == nil {
		return 0
	}
	n, _, _ := st.sub.Pending()
	return max(n, 0)
}
