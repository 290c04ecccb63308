package faults

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
)

// leaseChanges are what operators do to stores with a lease.
var leaseChanges = []fault{
	{
		name:    "rolling restart, lease off and on",
		promise: "workers with and without a lease serve the same keys: nobody notices",
		pick:    pickLeased,
		loose:   true,
		inject:  switchLease,
		shown:   tookOver(1),
		limits: limits{
			leased:    "UNAVAILABLE",
			strongGap: 2 * time.Second, weakGap: 2 * time.Second, leasedGap: 2 * time.Second, normal: time.Second,
		},
	},
	{
		name:    "admin raise of an owned key",
		promise: "every id of a request made after the command has returned is above",
		pick:    pickLeased,
		inject:  raiseOwned,
		shown:   func(figures) error { return nil },
		limits: limits{
			leased:    "UNAVAILABLE",
			strongGap: 2 * time.Second, weakGap: 2 * time.Second, leasedGap: 2 * time.Second, normal: time.Second,
		},
	},
}

// switchLease replaces the workers one by one with those that have no lease, and
// then with those that have one again.
func switchLease(r *run) {
	for _, lease := range []time.Duration{0, r.lease} {
		for _, w := range r.workers {
			r.configure(r, w, lease)
			w.terminate(r, 5*time.Second)
			r.startWorker(r, w)
			w.waitReady(r, pace.Patience)
			r.during(500 * time.Millisecond)
		}
	}
	r.notef("%d workers restarted without a lease, and again with one", len(r.workers))
}

// raiseOwned raises a key under its owner's hands.
func raiseOwned(r *run) {
	const by, times = 10_000, 5
	var took []time.Duration
	for range times {
		to := r.marks()[hot] + by
		r.jumped += 2 * by // the mark may have been higher by then
		start := time.Now()
		r.admin("raise", hot.Store, hot.Name, "--to", fmt.Sprint(to))
		took = append(took, time.Since(start))
		returned := r.record.history.Now()
		r.during(700 * time.Millisecond)
		checked := 0
		for _, op := range r.record.history.Ops() {
			if op.Key != hot || op.Start < returned {
				continue
			}
			checked++
			r.checkf(op.Ids.First > to, "raised to %d, and then: %v", to, op)
		}
		if checked == 0 {
			r.Error(errors.New("no id came after the raise"))
		}
	}
	slices.Sort(took)
	r.notef("raised %d times; the command took %s (median)", times, seconds(took[times/2]))
}
