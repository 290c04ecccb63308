package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// peerPlan has ways between etcd's members that can be cut, two workers that know
// all members, and one that knows a balancer's address.
var peerPlan = plan{mesh: true, balanced: 1}

// peerFaults cut etcd's members off from each other, and from no worker.
var peerFaults = []fault{
	{
		name:    "etcd leader cut off from its peers",
		promise: "STRONG waits for the election; who talks to the member that has no leader finds another one",
		plan:    peerPlan,
		inject:  cutLeader,
		shown:   func(f figures) error { return gapAtLeast(f.strongGap, election/2) },
		limits:  aroundElection,
	},
	{
		name:    "etcd leader heard by nobody, then deaf",
		promise: "the same, although each of its peers still hears it or is heard by it",
		plan:    peerPlan,
		inject:  cutLeaderOneWay,
		shown:   func(f figures) error { return gapAtLeast(f.strongGap, election/2) },
		limits:  aroundElection,
	},
	{
		name:    "etcd follower cut off from its peers",
		promise: "there is no election; who talks to it finds another one, be it by a balancer's single address",
		plan:    peerPlan,
		inject:  cutFollower,
		shown:   func(figures) error { return nil }, // the member says it
		limits: limits{
			outcomes: "no answer, EXPIRED, UNAVAILABLE", leased: replaced,
			strongGap: 4 * time.Second, weakGap: 3 * time.Second, leasedGap: 5 * time.Second, normal: 4 * time.Second, ambiguous: true,
		},
	},
	{
		name:    "etcd leader and one follower cut off from each other",
		promise: "the third one reaches both: one of them leads, and the term does not grow for ever",
		plan:    peerPlan,
		inject:  cutTwo,
		shown:   func(figures) error { return nil },
		limits:  aroundElection,
	},
	{
		name:    "etcd's members all cut off",
		promise: "as when the majority is lost, although each of them runs and answers",
		plan:    peerPlan,
		inject:  cutAll,
		shown:   func(f figures) error { return gapAtLeast(f.strongGap, 5*time.Second) },
		limits: limits{
			outcomes:  "no answer, EXPIRED, UNAVAILABLE, no responders",
			strongGap: 18 * time.Second, weakGap: 15 * time.Second, leasedGap: 18 * time.Second, normal: 8 * time.Second, ambiguous: true, failedCalls: true,
		},
	},
	{
		name:    "etcd's members cut off and back, again and again",
		promise: "ids come whenever there is a leader for long enough, and as before in the end",
		plan:    peerPlan,
		inject:  flap,
		shown:   func(f figures) error { return atLeast(f.failed(), 1, "requests that failed") },
		limits: limits{
			outcomes:  "no answer, EXPIRED, UNAVAILABLE, no responders",
			strongGap: 15 * time.Second, weakGap: 12 * time.Second, leasedGap: 15 * time.Second, normal: 8 * time.Second, ambiguous: true, failedCalls: true,
		},
	},
}

var aroundElection = limits{
	outcomes:  "no answer, EXPIRED, UNAVAILABLE, no responders",
	strongGap: 8 * time.Second, weakGap: 5 * time.Second, leasedGap: 8 * time.Second, normal: 6 * time.Second, ambiguous: true,
}

// leading returns the number of the member that leads, and those of the others.
func (r *run) leading() (leader int, followers []int) {
	leader = slices.Index(r.etcd.members, r.etcd.leader(r))
	for i := range r.etcd.members {
		if i != leader {
			followers = append(followers, i)
		}
	}
	return leader, followers
}

// term returns etcd's term and its leader's id, as a member sees them: the leader is
// 0 if the member knows none.
func (r *run) term(i int) (term, leader uint64) {
	m := r.etcd.members[i]
	client, err := r.etcd.dial(m)
	if err != nil {
		r.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	status, err := client.Status(ctx, m.client)
	if err != nil {
		return 0, 0
	}
	return status.RaftTerm, status.Leader
}

// awaitAlone waits until a member says that it knows no leader.
func (r *run) awaitAlone(i int) {
	r.Helper()
	eventually(r, 20*election, fmt.Sprintf("%s knows no leader", r.etcd.members[i].name), func() error {
		if _, leader := r.term(i); leader != 0 {
			return fmt.Errorf("it follows %x", leader)
		}
		return nil
	})
}

// rejoin ends all cuts, and waits until each member follows the same leader.
func (r *run) rejoin() {
	r.Helper()
	r.etcd.mesh.Heal()
	eventually(r, 20*election, "all members have one leader", func() error {
		_, first := r.term(0)
		for i := range r.etcd.members {
			if _, leader := r.term(i); leader == 0 || leader != first {
				return fmt.Errorf("%s follows %x, and etcd0 %x", r.etcd.members[i].name, leader, first)
			}
		}
		return nil
	})
}

func cutLeader(r *run) {
	for range 2 {
		leader, _ := r.leading()
		r.etcd.cut(leader, true, true)
		r.awaitAlone(leader)
		r.during(4 * time.Second)
		r.rejoin()
		r.during(2 * time.Second)
	}
	r.noteBalanced()
}

func cutLeaderOneWay(r *run) {
	for _, hears := range []bool{true, false} {
		leader, others := r.leading()
		_, self := r.term(leader)
		r.etcd.cut(leader, hears, !hears)
		eventually(r, 20*election, "another member leads", func() error {
			_, id := r.term(others[0])
			if id == self || id == 0 {
				return fmt.Errorf("%x leads", id)
			}
			return nil
		})
		r.during(4 * time.Second)
		r.rejoin()
		r.during(2 * time.Second)
	}
	r.noteBalanced()
}

func cutFollower(r *run) {
	leader, followers := r.leading()
	before, _ := r.term(leader)
	alone := followers[0]
	for _, way := range []struct{ says, hears bool }{{true, true}, {true, false}, {false, true}} {
		r.etcd.cut(alone, way.says, way.hears)
		if way.hears {
			r.awaitAlone(alone)
		}
		r.during(4 * time.Second)
		r.rejoin()
		r.during(time.Second)
	}
	after, _ := r.term(leader)
	r.notef("%d elections; cut off both ways, as one that is not heard, and as one that hears nothing", after-before)
	r.noteBalanced()
}

func cutTwo(r *run) {
	leader, followers := r.leading()
	before, _ := r.term(leader)
	a, b := leader, followers[0]
	for _, ways := range [][][2]int{{{a, b}, {b, a}}, {{a, b}}, {{b, a}}} {
		for _, w := range ways {
			r.etcd.mesh.Cut(w[0], w[1])
		}
		if ways[0][0] == a {
			r.awaitAlone(b) // the fault shows
		}
		r.during(4 * time.Second)
		r.rejoin()
		r.during(time.Second)
	}
	after, _ := r.term(leader)
	r.checkf(after-before <= 12, "there were %d elections in 15 s", after-before)
	r.notef("%d elections", after-before)
	r.noteBalanced()
}

func cutAll(r *run) {
	for i := range r.etcd.members {
		r.etcd.cut(i, true, true)
	}
	for i := range r.etcd.members {
		r.awaitAlone(i)
	}
	r.during(6 * time.Second)
	r.rejoin()
	r.during(time.Second)
	r.noteBalanced()
}

// flap cuts a member off for some time and gives it back, each time another one and
// in another way.
func flap(r *run) {
	rnd, n := rand.New(rand.NewPCG(1, 2)), 0
	before, _ := r.term(0)
	for begin := time.Now(); time.Since(begin) < 15*time.Second; n++ {
		i, how := rnd.IntN(len(r.etcd.members)), rnd.IntN(3)
		r.etcd.cut(i, how != 1, how != 2)
		r.during(100*time.Millisecond + time.Duration(rnd.IntN(1500))*time.Millisecond)
		r.etcd.mesh.Mend(i)
		r.during(time.Duration(rnd.IntN(600)) * time.Millisecond)
	}
	r.rejoin()
	after, _ := r.term(0)
	r.during(time.Second)
	r.notef("cut off %d times, %d elections", n, after-before)
	r.noteBalanced()
}

// leftGroup is what a worker says that leaves.
const leftGroup = "left the queue group"

// noteBalanced tells which workers left the queue group, and came back.
func (r *run) noteBalanced() {
	var left []string
	for i, w := range r.workers {
		if w.said(leftGroup) {
			kind := "one with all addresses"
			if i >= len(r.workers)-peerPlan.balanced {
				kind = "the one behind a balancer"
			}
			left = append(left, kind)
		}
	}
	if len(left) == 0 {
		left = []string{"no worker"}
	}
	r.notef("%s left the queue group meanwhile", strings.Join(left, ", "))
}
