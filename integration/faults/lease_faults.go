package faults

import (
	"slices"
	"strings"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
)

// replaced is how requests for a leased key may fail while its owner is replaced.
const replaced = "UNAVAILABLE, EXPIRED"

// leaseFaults are done to the workers that own leased keys.
var leaseFaults = []fault{
	{
		name:    "owner SIGKILL",
		promise: "others own its keys within 2 leases; until then UNAVAILABLE, and no wrong id",
		pick:    pickLeased,
		inject:  killOwner(3),
		shown:   tookOver(3),
		limits: limits{
			outcomes: "no answer", leased: replaced,
			strongGap: 2 * time.Second, weakGap: 2 * time.Second, leasedGap: withinLeases(shortLease), normal: 3 * time.Second,
		},
	},
	{
		name:    "owner SIGKILL, lease 3 s",
		promise: "the same: ids again within 6.5 s",
		plan:    plan{lease: 3 * time.Second},
		pick:    pickLeased,
		inject:  killOwner(2),
		shown:   tookOver(2),
		limits: limits{
			outcomes: "no answer", leased: replaced,
			strongGap: 2 * time.Second, weakGap: 2 * time.Second, leasedGap: 6500 * time.Millisecond, normal: 4 * time.Second,
		},
	},
	{
		name:    "owner SIGTERM, lease 3 s",
		promise: "it lets go of its keys as it drains: no request fails, and ids are back within 50 ms",
		plan:    plan{lease: 3 * time.Second},
		pick:    pickLeased,
		inject:  terminateOwner,
		shown:   tookOver(3),
		limits:  limits{strongGap: 2 * time.Second, weakGap: 2 * time.Second, leasedGap: 300 * time.Millisecond},
	},
	{
		name:    "owner SIGSTOP for about a lease",
		promise: "it hands out nothing once others may have taken over",
		pick:    pickLeased,
		inject:  freezeOwner,
		shown:   tookOver(2),
		limits: limits{
			outcomes: "no answer, EXPIRED, UNAVAILABLE", leased: replaced,
			strongGap: 3 * time.Second, weakGap: 3 * time.Second, leasedGap: withinLeases(shortLease), normal: 3 * time.Second,
		},
	},
	cutFault("owner cut off from etcd", "others own its keys within 2 leases, at the latest", true, false),
	cutFault("owner cut off from NATS", "it does not renew what it can't serve; what was sent to it is lost until NATS notices", false, true),
	cutFault("owner cut off from both", "the same", true, true),
	{
		name:    "renewals lost and late",
		promise: "a renewal whose answer is missing or late gives no time; the lease is kept, or lost and taken over",
		pick:    pickLeased,
		inject:  spoilRenewals,
		shown:   tookOver(1),
		limits: limits{
			outcomes: "no answer, EXPIRED, UNAVAILABLE", leased: replaced,
			strongGap: 4 * time.Second, weakGap: 4 * time.Second, leasedGap: 2 * withinLeases(shortLease), normal: 3 * time.Second, ambiguous: true,
		},
	},
}

func cutFault(name, promise string, etcd, nats bool) fault {
	return fault{
		name:    name,
		promise: promise,
		plan:    plan{natsLinks: nats},
		pick:    pickLeased,
		inject:  cutOwner(etcd, nats),
		shown:   tookOver(2),
		limits: limits{
			outcomes: "no answer, EXPIRED, UNAVAILABLE", leased: replaced,
			strongGap: 3 * time.Second, weakGap: 3 * time.Second, leasedGap: withinLeases(shortLease), normal: 3 * time.Second, ambiguous: etcd,
		},
	}
}

// withinLeases is the two leases after which others own what somebody owned, and
// what it takes until callers have the first ids.
func withinLeases(lease time.Duration) time.Duration { return 2*lease + time.Second }

// tookOver reports whether leased keys got another owner so many times.
func tookOver(n int) func(figures) error {
	return func(f figures) error { return atLeast(f.takeovers, n, "changes of owner") }
}

// hot is the key whose owner is spoilt. It may own the other ones too.
var hot = leasedKeys[0]

// killOwner kills the owner that many times, and starts it again.
func killOwner(times int) func(*run) {
	return func(r *run) {
		var gone []string
		for range times {
			w := r.owner(r, hot)
			clients, err := w.nats.connections()
			if err != nil {
				r.Fatal(err)
			}
			end, killed := r.losing(), r.record.history.Now()
			w.kill()
			w.nats.awaitConnections(r, clients-1)
			end()
			r.owner(r, hot)
			r.during(500 * time.Millisecond)
			gone = append(gone, seconds(r.withoutIDs(hot, killed)))
			r.startWorker(r, w)
			w.waitReady(r, pace.Patience)
		}
		r.notef("no id of the killed owner's key for %s", strings.Join(gone, ", "))
	}
}

// terminateOwner ends the owner as an update does, three times.
func terminateOwner(r *run) {
	var gone []time.Duration
	for range 3 {
		w := r.owner(r, hot)
		from := r.record.history.Now()
		w.terminate(r, 5*time.Second)
		r.owner(r, hot)
		r.during(500 * time.Millisecond)
		gone = append(gone, r.withoutIDs(hot, from))
		r.startWorker(r, w)
		w.waitReady(r, pace.Patience)
		r.during(500 * time.Millisecond)
	}
	r.notef("no id of the key for %s at most", seconds(slices.Max(gone)))
}

// freezeOwner freezes the owner for about a lease, and for about the time after
// which others take over.
func freezeOwner(r *run) {
	lost := 0
	steps := []time.Duration{
		-50 * time.Millisecond, -25 * time.Millisecond, 0, 25 * time.Millisecond, 50 * time.Millisecond,
		400 * time.Millisecond, 500 * time.Millisecond, 600 * time.Millisecond, 700 * time.Millisecond, 800 * time.Millisecond, 1000 * time.Millisecond, 1500 * time.Millisecond,
	}
	for _, step := range steps {
		w := r.owner(r, hot)
		end := r.losing()
		r.tearing()
		w.freeze(r)
		r.during(r.lease + step)
		w.thaw(r)
		r.during(500 * time.Millisecond)
		end()
		w.waitReady(r, pace.Patience)
		if r.owner(r, hot) != w {
			lost++
		}
		r.during(r.lease) // renewed, or taken over for good
	}
	r.notef("frozen %d times, from %v to %v; another owned the key after %d of them", len(steps), r.lease+steps[0], r.lease+steps[len(steps)-1], lost)
}

// cutOwner cuts the owner's links, for less than a lease and for more.
func cutOwner(etcd, nats bool) func(*run) {
	return func(r *run) {
		lost := 0
		cuts := []time.Duration{300 * time.Millisecond, r.lease - 50*time.Millisecond, r.lease + 50*time.Millisecond, 3 * r.lease / 2, 2 * r.lease, 5 * r.lease}
		for _, cut := range cuts {
			w := r.owner(r, hot)
			end := func() {}
			if nats {
				end = r.losing()
				r.tearing()
				w.natsLink.Blackhole()
			}
			if etcd {
				w.setLinks((*servers.Proxy).Blackhole)
			}
			r.during(cut)
			w.setLinks((*servers.Proxy).Heal)
			if nats {
				w.natsLink.Heal()
				r.during(500 * time.Millisecond)
				end()
			}
			w.waitReady(r, pace.Patience)
			if r.owner(r, hot) != w {
				lost++
			}
			r.during(r.lease)
		}
		r.notef("cut off %d times, from %v to %v; another owned the key after %d of them", len(cuts), cuts[0], cuts[len(cuts)-1], lost)
	}
}

// spoilRenewals has etcd's answers to the owner get lost, then come late, and then
// has its renewals come late to etcd.
func spoilRenewals(r *run) {
	spoil := func(how func(*servers.Proxy), d time.Duration, end func(*servers.Proxy)) {
		w := r.owner(r, hot)
		w.setLinks(how)
		r.during(d)
		w.setLinks(end)
		w.setLinks((*servers.Proxy).Heal)
		w.waitReady(r, pace.Patience)
		r.during(r.lease)
	}
	longest := 3 * r.lease
	for _, d := range []time.Duration{r.lease / 2, r.lease, longest} {
		spoil((*servers.Proxy).DropResponses, d, (*servers.Proxy).Cut)  // lost, although applied
		spoil((*servers.Proxy).DropResponses, d, (*servers.Proxy).Heal) // late
		spoil((*servers.Proxy).Blackhole, d, (*servers.Proxy).Heal)     // applied late
	}
	delay := r.lease / 4
	spoil(func(p *servers.Proxy) { p.Delay(delay) }, 4*r.lease, (*servers.Proxy).Heal)
	r.notef("answers lost, answers late, renewals late, each for %v to %v; and each way %v longer", r.lease/2, longest, delay)
}
