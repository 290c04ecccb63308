package faults

import (
	"errors"
	"fmt"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
)

// workerFaults are done to the workers' processes.
var workerFaults = []fault{
	{
		name:    "worker SIGKILL",
		promise: "the others go on; what was with it is lost, the client asks again",
		fast:    true,
		inject:  killWorkers,
		shown:   func(f figures) error { return atLeast(f.outcomes[noAnswer], 1, "requests that were with a worker") },
		limits: limits{
			outcomes: "no answer", leased: replaced,
			strongGap: 2 * time.Second, weakGap: 2 * time.Second, leasedGap: withinLeases(shortLease), normal: 3 * time.Second,
		},
	},
	{
		name:    "worker SIGSTOP",
		promise: "the queue group forgets it within 10 s; it answers nobody who has given up",
		plan:    plan{workers: 4},
		inject:  freezeWorker,
		shown: func(f figures) error {
			return atLeast(f.outcomes[noAnswer], 5, "requests without an answer")
		},
		limits: limits{
			outcomes:  "no answer, EXPIRED, UNAVAILABLE, INTERNAL",
			strongGap: 2 * time.Second, weakGap: 2 * time.Second, leasedGap: withinLeases(shortLease), normal: 3 * time.Second,
		},
	},
	{
		name:    "rolling restart of all workers",
		promise: "SIGTERM answers what was accepted: nobody notices",
		inject:  restartWorkers,
		shown: func(f figures) error {
			if f.median < farAway {
				return fmt.Errorf("the fault does not show: with %v per STRONG id hardly one was with a worker that ended", f.median)
			}
			return nil
		},
		limits: limits{strongGap: 2 * time.Second, weakGap: 2 * time.Second, leasedGap: time.Second},
	},
}

// farAway is how far from the workers etcd is put, so that there are always
// requests with a worker when it ends.
const farAway = 5 * time.Millisecond

// putEtcdFarAway returns what brings it back.
func (r *run) putEtcdFarAway() (back func()) {
	for _, w := range r.workers {
		w.setLinks(func(p *servers.Proxy) { p.Delay(farAway) })
	}
	r.during(300 * time.Millisecond)
	return func() {
		for _, w := range r.workers {
			w.setLinks((*servers.Proxy).Heal)
		}
	}
}

// killWorkers kills the workers one after the other, and starts each again.
func killWorkers(r *run) {
	defer r.putEtcdFarAway()()
	for _, w := range r.workers {
		clients, err := w.nats.connections()
		if err != nil {
			r.Fatal(err)
		}
		end := r.losing()
		w.kill()
		w.nats.awaitConnections(r, clients-1) // from then on nothing is sent to it
		end()
		r.startWorker(r, w)
		w.waitReady(r, pace.Patience)
		r.during(500 * time.Millisecond)
	}
	r.notef("%d workers killed", len(r.workers))
}

func freezeWorker(r *run) {
	for i, pause := range []time.Duration{time.Second, 5 * time.Second, 30 * time.Second} {
		w := r.workers[i]
		end := r.losing()
		frozen := r.record.history.Now()
		r.tearing()
		w.freeze(r)
		r.during(pause)
		w.thaw(r)
		r.during(500 * time.Millisecond)
		end()
		w.waitReady(r, pace.Patience)
		r.notef("frozen for %v: requests went to it for %s", pause, seconds(r.lastUnheard(frozen)))
	}
}

// lastUnheard returns how long after from the last request was sent that got no
// answer in time.
func (r *run) lastUnheard(from int64) time.Duration {
	last := from
	for _, a := range r.record.all() {
		if a.outcome == noAnswer && !a.call {
			last = max(last, a.Start)
		}
	}
	return time.Duration(last - from)
}

// restartWorkers replaces the workers one after the other, as an update does.
func restartWorkers(r *run) {
	defer r.putEtcdFarAway()()
	for _, w := range r.workers {
		w.terminate(r, 5*time.Second) // a request waits 2 s at most
		r.startWorker(r, w)
		w.waitReady(r, pace.Patience)
		r.during(500 * time.Millisecond)
	}
	r.notef("%d workers restarted", len(r.workers))
}

func atLeast(got, want int, what string) error {
	if got < want {
		return fmt.Errorf("the fault does not show: %d %s, expected at least %d", got, what, want)
	}
	return nil
}

func gapAtLeast(got, want time.Duration) error {
	if got < want {
		return errors.New("the fault does not show: STRONG ids stopped for " + seconds(got) + " only")
	}
	return nil
}
