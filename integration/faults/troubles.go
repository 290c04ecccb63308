package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/seqd-io/seqd/integration/servers"
)

// trouble is a fault that may come together with others.
type trouble struct {
	name  string
	party string // what it is done to: one party has one trouble at a time; "": to all
	least int    // number of the first party that it may be done to
	do    func(*soak, strike)
}

// strike is a trouble that was drawn.
type strike struct {
	trouble
	which int           // number of the party
	after time.Duration // since the round began
	lasts time.Duration
}

func (s strike) String() string {
	where := ""
	if s.party != "" {
		where = fmt.Sprintf(" of %s %d", s.party, s.which)
	}
	return fmt.Sprintf("%s%s after %v for %v", s.name, where, s.after, s.lasts)
}

// parties are how many there are of each.
var parties = map[string]int{"worker": soakWorkers, "etcd": 3, "nats-server": 2, "route": 1}

// longest is what a trouble lasts at most. One of four lasts less than a lease.
const longest = 6 * time.Second

// draw draws what is done in a round: two or three troubles of different parties,
// which overlap. The numbers that rnd gives are all that it depends on.
func draw(rnd *rand.Rand) (strikes []strike) {
	for n := 2 + rnd.IntN(2); len(strikes) < n; {
		s := strike{trouble: troubles[rnd.IntN(len(troubles))]}
		if s.party != "" {
			s.which = s.least + rnd.IntN(parties[s.party]-s.least)
		}
		s.after = time.Duration(rnd.IntN(1500)) * time.Millisecond
		s.lasts = 1500*time.Millisecond + time.Duration(rnd.IntN(int(longest.Milliseconds())-1500))*time.Millisecond
		if rnd.IntN(4) == 0 {
			s.lasts = time.Duration(rnd.IntN(int(shortLease.Milliseconds()))) * time.Millisecond
		}
		if !slices.ContainsFunc(strikes, s.excludes) {
			strikes = append(strikes, s)
		}
	}
	return strikes
}

// excludes reports whether two strikes are done to the same party, or are the same
// trouble of all.
func (s strike) excludes(other strike) bool {
	return s.party == other.party && s.which == other.which && (s.party != "" || s.name == other.name)
}

func describe(strikes []strike) string {
	var parts []string
	for _, s := range strikes {
		parts = append(parts, s.String())
	}
	return strings.Join(parts, ", ")
}

// troubles are all that is drawn from. Worker 0 is never ended, so that it shows
// what hours do to one.
var troubles = []trouble{
	{name: "SIGKILL", party: "worker", least: 1, do: func(s *soak, k strike) {
		w := s.workers[k.which]
		defer s.losing()()
		w.kill()
		s.during(k.lasts)
		s.startAgain(w)
	}},
	{name: "SIGTERM", party: "worker", least: 1, do: func(s *soak, k strike) {
		w := s.workers[k.which]
		w.terminate(s, drainPatience)
		s.startAgain(w)
	}},
	{name: "SIGSTOP", party: "worker", do: func(s *soak, k strike) {
		w := s.workers[k.which]
		defer s.losing()()
		s.tearing()
		w.freeze(s)
		s.during(k.lasts)
		w.thaw(s)
	}},
	{name: "cut off from etcd", party: "worker", do: spoilLinks((*servers.Proxy).Blackhole, (*servers.Proxy).Heal)},
	{name: "etcd's answers lost", party: "worker", do: spoilLinks((*servers.Proxy).DropResponses, (*servers.Proxy).Cut)},
	{name: "etcd's answers late", party: "worker", do: spoilLinks((*servers.Proxy).DropResponses, (*servers.Proxy).Heal)},
	{name: "far from etcd", party: "worker", do: spoilLinks(func(p *servers.Proxy) { p.Delay(100 * time.Millisecond) }, (*servers.Proxy).Heal)},
	{name: "cut off from NATS", party: "worker", do: func(s *soak, k strike) {
		w := s.workers[k.which]
		defer s.losing()()
		s.tearing()
		w.natsLink.Blackhole()
		s.during(k.lasts)
		w.natsLink.Heal()
	}},
	{name: "cut off from both", party: "worker", do: func(s *soak, k strike) {
		w := s.workers[k.which]
		defer s.losing()()
		s.tearing()
		w.natsLink.Blackhole()
		spoilLinks((*servers.Proxy).Blackhole, (*servers.Proxy).Heal)(s, k)
		w.natsLink.Heal()
	}},
	{name: "far from NATS", party: "worker", do: func(s *soak, k strike) {
		w := s.workers[k.which]
		w.natsLink.Delay(50 * time.Millisecond)
		s.during(k.lasts)
		w.natsLink.Heal()
	}},
	{name: "SIGKILL", party: "etcd", do: func(s *soak, k strike) {
		m := s.etcd.members[k.which]
		m.kill()
		s.during(k.lasts)
		m.start(s)
	}},
	{name: "SIGSTOP", party: "etcd", do: func(s *soak, k strike) {
		m := s.etcd.members[k.which]
		m.freeze(s)
		s.during(k.lasts)
		m.thaw(s)
	}},
	{name: "cut off from its peers", party: "etcd", do: cutPeers(true, true)},
	{name: "unheard by its peers", party: "etcd", do: cutPeers(true, false)},
	{name: "deaf to its peers", party: "etcd", do: cutPeers(false, true)},
	{name: "replaced", party: "etcd", do: replace},
	{name: "slow disk", party: "etcd", do: slowDisk},
	{name: "SIGKILL", party: "nats-server", do: func(s *soak, k strike) {
		n := s.nats[k.which]
		defer s.losing()()
		s.tearing()
		n.kill()
		s.during(k.lasts / 2)
		n.start(s)
	}},
	{name: "SIGSTOP", party: "nats-server", do: func(s *soak, k strike) {
		n := s.nats[k.which]
		defer s.losing()()
		s.tearing()
		n.freeze(s)
		s.during(k.lasts)
		n.thaw(s)
	}},
	{name: "lame duck", party: "nats-server", do: retire},
	{name: "cut", party: "route", do: func(s *soak, k strike) {
		defer s.losing()()
		s.tearing()
		s.routes[0].Blackhole()
		s.during(k.lasts)
		s.routes[0].Heal()
	}},
	{name: "move-leader", do: repeatedly(300*time.Millisecond, (*etcdCluster).moveLeader)},
	{name: "compaction", do: repeatedly(200*time.Millisecond, (*etcdCluster).compact)},
	{name: "defrag", do: repeatedly(500*time.Millisecond, (*etcdCluster).defragOne)},
	{name: "full disk", do: fullDisk},
	{name: "admin raise", do: func(s *soak, k strike) { s.raise(k) }},
}

// drainPatience is for a worker that drains while other things are wrong.
const drainPatience = 30 * time.Second

func (s *soak) startAgain(w *worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.startWorker(s, w)
}

// spoilLinks spoils a worker's links to etcd, and ends that.
func spoilLinks(how, end func(*servers.Proxy)) func(*soak, strike) {
	return func(s *soak, k strike) {
		w := s.workers[k.which]
		w.setLinks(how)
		s.during(k.lasts)
		w.setLinks(end)
		w.setLinks((*servers.Proxy).Heal)
	}
}

// cutPeers holds back what a member says to the others, or what they say to it.
func cutPeers(says, hears bool) func(*soak, strike) {
	return func(s *soak, k strike) {
		s.etcd.cut(k.which, says, hears)
		s.during(k.lasts)
		s.etcd.mesh.Mend(k.which)
	}
}

// repeatedly does something to etcd until the strike ends. That it fails while
// other things are wrong says nothing.
func repeatedly(pause time.Duration, do func(*etcdCluster, context.Context, int) error) func(*soak, strike) {
	return func(s *soak, k strike) {
		ctx, cancel := context.WithTimeout(s.Context(), k.lasts)
		defer cancel()
		for i := 0; ctx.Err() == nil; i++ {
			_ = do(s.etcd, ctx, i)
			sleep(ctx, pause)
		}
	}
}
