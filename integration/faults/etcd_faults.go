package faults

import (
	"time"
)

// etcdFaults are done to etcd's processes.
var etcdFaults = []fault{
	{
		name:    "etcd leader SIGKILL",
		promise: "STRONG waits for the election, WEAK goes on",
		fast:    true,
		inject:  killLeader,
		shown:   func(f figures) error { return gapAtLeast(f.strongGap, election/2) },
		limits: limits{
			outcomes:  "no answer, EXPIRED, UNAVAILABLE, no responders",
			strongGap: 6 * time.Second, weakGap: 3 * time.Second, leasedGap: 6 * time.Second, normal: 5 * time.Second, ambiguous: true,
		},
	},
	{
		name:    "etcd leader SIGSTOP",
		promise: "the same, and the frozen member is left alone",
		inject:  freezeLeader,
		shown:   func(f figures) error { return gapAtLeast(f.strongGap, election/2) },
		limits: limits{
			outcomes:  "no answer, EXPIRED, UNAVAILABLE, no responders",
			strongGap: 8 * time.Second, weakGap: 5 * time.Second, leasedGap: 8 * time.Second, normal: 6 * time.Second, ambiguous: true,
		},
	},
	{
		name:    "etcd majority lost",
		promise: "refused within 2 s, leased ids when the lease has ended; then the workers leave the queue group, and come back by themselves",
		inject:  loseMajority,
		shown:   func(f figures) error { return gapAtLeast(f.strongGap, 5*time.Second) },
		limits: limits{
			outcomes:  "no answer, EXPIRED, UNAVAILABLE, no responders",
			strongGap: 15 * time.Second, weakGap: 15 * time.Second, leasedGap: 15 * time.Second, normal: 8 * time.Second, ambiguous: true, failedCalls: true,
		},
	},
}

func killLeader(r *run) {
	leader := r.etcd.leader(r)
	leader.kill()
	r.during(3 * time.Second)
	leader.start(r)
	r.during(time.Second)
}

func freezeLeader(r *run) {
	leader := r.etcd.leader(r)
	leader.freeze(r)
	r.during(6 * time.Second)
	leader.thaw(r)
}

func loseMajority(r *run) {
	leader := r.etcd.leader(r)
	lost := []*member{leader}
	for _, m := range r.etcd.members {
		if m != leader && len(lost) < 2 {
			lost = append(lost, m)
		}
	}
	for _, m := range lost {
		m.kill()
	}
	killed := r.record.history.Now()
	r.during(6 * time.Second)
	r.notef("leased ids went on for %s", seconds(r.lastLeased(killed)))
	for _, m := range lost {
		m.start(r)
	}
	r.etcd.waitLeader(r)
}
