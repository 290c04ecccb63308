package faults

import (
	"time"

	"github.com/seqd-io/seqd/integration/pace"
)

// natsFaults are done to the nats-servers.
var natsFaults = []fault{
	{
		name:    "nats-server restart",
		promise: "what was on its way is lost; workers and callers come back by themselves",
		inject:  restartNATS,
		shown:   func(f figures) error { return atLeast(f.outcomes[notConnected], 20, "requests while not connected") },
		limits: limits{
			outcomes: "no answer, not connected, no responders", leased: replaced,
			strongGap: 4 * time.Second, weakGap: 4 * time.Second, leasedGap: 4 * time.Second, normal: 3 * time.Second,
		},
	},
	{
		name:    "NATS route cut",
		promise: "each side goes on with its own workers; what was sent across is lost until NATS notices, within 10 s. A leased key whose owner is on the other side is UNAVAILABLE",
		plan:    plan{natsServers: 2, workers: 4},
		inject:  cutRoute,
		shown:   func(f figures) error { return atLeast(f.outcomes[noAnswer], 1, "requests that went across") },
		limits: limits{
			outcomes: "no answer, EXPIRED", leased: replaced, failedCalls: true,
			strongGap: 3 * time.Second, weakGap: 3 * time.Second, leasedGap: 4 * time.Second, normal: 3 * time.Second,
		},
	},
}

func restartNATS(r *run) {
	server := r.nats[0]
	end := r.losing()
	server.kill()
	r.during(time.Second)
	server.start(r)
	server.waitListening(r)
	back := r.waitAll(pace.Patience, true)
	r.during(500 * time.Millisecond)
	end()
	r.notef("workers connected again %s after the start", seconds(back))
}

func cutRoute(r *run) {
	end := r.losing()
	across := r.cutWays()
	r.during(2 * time.Second)
	end()
	r.notef("requests went across for %s", seconds(across))
}

// cutWays cuts all ways between nats-servers for as long as NATS takes to notice, and
// some more. It returns how long requests went across that were lost there.
func (r *run) cutWays() time.Duration {
	cut := r.record.history.Now()
	r.tearing()
	for _, way := range r.routes {
		way.Blackhole()
	}
	r.during(12 * time.Second)
	across := r.lastUnheard(cut)
	for _, way := range r.routes {
		way.Heal()
	}
	return across
}
