package faults

import (
	"errors"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
)

// gatewayFaults cut the ways between nats-servers that are no cluster: gateways, of
// which each server is a cluster of its own, and leaf nodes in a row.
var gatewayFaults = []fault{
	{
		name:    "NATS gateway cut off",
		promise: "as when a route is cut: each cluster goes on with its own workers, and in the end with all",
		plan:    plan{natsServers: 2, gateways: true, workers: 4},
		inject:  cutRoute,
		shown:   func(f figures) error { return atLeast(f.failed(), 1, "requests that went across") },
		limits:  sidesCut,
	},
	{
		name:    "NATS gateway, and no workers on one side",
		promise: "the other cluster answers across the gateway; while that is cut, nobody does on this side, and callers are told so as soon as NATS has noticed",
		plan:    plan{natsServers: 2, gateways: true, workers: 4},
		inject:  leaveCluster,
		shown:   func(f figures) error { return atLeast(f.outcomes[noAnswer], 5, "requests that went across") },
		limits: limits{
			outcomes: "no answer, no responders, EXPIRED", leased: replaced, failedCalls: true,
			strongGap: 3 * time.Second, weakGap: 3 * time.Second, leasedGap: 4 * time.Second, normal: 3 * time.Second,
		},
	},
	{
		name:    "NATS leaf node of a leaf node, each cut off",
		promise: "the same of three servers in a row, wherever the row is cut",
		plan:    plan{natsServers: 3, leaf: true, workers: 3},
		inject:  cutLeaves,
		shown:   func(f figures) error { return atLeast(f.failed(), 1, "requests that went across") },
		limits:  sidesCut,
	},
}

// sidesCut is for servers that are cut off from each other, each with workers.
var sidesCut = limits{
	outcomes: "no answer, EXPIRED", leased: replaced, failedCalls: true,
	strongGap: 3 * time.Second, weakGap: 3 * time.Second, leasedGap: 4 * time.Second, normal: 3 * time.Second,
}

// leaveCluster ends all workers of one cluster, cuts the gateway while it carries
// that cluster's requests, and starts the workers again.
func leaveCluster(r *run) {
	end := r.losing()
	for _, w := range r.workers {
		if w.nats == r.nats[1] {
			w.terminate(r, 10*time.Second)
		}
	}
	alone := r.record.history.Now()
	r.during(2 * time.Second)
	r.checkf(r.heardAcross(alone), "the fault does not show: nothing came across the gateway")
	across := r.cutWays()
	healed := r.record.history.Now()
	eventually(r, pace.Patience, "the other cluster answers across the gateway", func() error {
		if !r.heardAcross(healed) {
			return errors.New("nothing has come")
		}
		return nil
	})
	back := time.Duration(r.record.history.Now() - healed)
	for _, w := range r.workers {
		if w.nats == r.nats[1] {
			r.startWorker(r, w)
			w.waitReady(r, pace.Patience)
		}
	}
	r.during(time.Second)
	end()
	r.notef("requests went across for %s after the cut; answers came across %s after its end", seconds(across), seconds(back))
}

// heardAcross reports whether a caller of the second nats-server has got ids since
// from.
func (r *run) heardAcross(from int64) bool {
	for _, a := range r.record.all() {
		if a.outcome == "" && a.Start >= from && a.Client < rawCallers+sdkCallers && r.load.at(a.Client) == r.nats[1] {
			return true
		}
	}
	return false
}

// cutLeaves cuts the row between the first two servers, between the last two, and
// in both places.
func cutLeaves(r *run) {
	end := r.losing()
	for _, ways := range [][]*servers.Proxy{r.routes[:1], r.routes[1:], r.routes} {
		cut := r.record.history.Now()
		r.tearing()
		for _, way := range ways {
			way.Blackhole()
		}
		r.during(9 * time.Second)
		across := r.lastUnheard(cut)
		for _, way := range ways {
			way.Heal()
		}
		r.during(2 * time.Second)
		r.notef("requests went across for %s", seconds(across))
	}
	end()
}
