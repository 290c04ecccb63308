package faults

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/ports"
	"github.com/seqd-io/seqd/integration/servers"
)

// membershipFaults are what operators do to an etcd that is in use.
var membershipFaults = []fault{
	{
		name:    "etcd members added, promoted, removed, replaced",
		promise: "a learner is left alone, a wiped member comes back, and workers keep to those that vote",
		inject:  replaceMembers,
		shown:   func(figures) error { return nil }, // the cluster's members say it
		limits:  aroundElection,
	},
	{
		name:    "etcd move-leader every second",
		promise: "nobody notices but by the time of an election that was ordered",
		inject:  moveLeaders,
		shown:   func(figures) error { return nil }, // it counts them
		limits:  aroundOrders,
	},
	{
		name:    "etcd defrag of each member",
		promise: "one member after the other stands still, and nobody fails",
		inject:  defragAll,
		shown:   func(figures) error { return nil },
		limits:  aroundOrders,
	},
	{
		name:    "etcd compacted to the newest revision",
		promise: "nobody needs a revision of before",
		inject:  compactAlways,
		shown:   func(figures) error { return nil },
		limits:  aroundOrders,
	},
	{
		name:    "etcd auth enabled, and disabled",
		promise: "workers that have a user already go on",
		plan:    plan{user: "seqd", authLater: true},
		inject:  switchAuth,
		shown:   func(figures) error { return nil },
		limits:  aroundOrders,
	},
	{
		name:    "etcd password changed",
		promise: "refused, with the reason in the log; each worker serves again when it is started with the new one",
		plan:    plan{user: "seqd"},
		inject:  changePassword,
		shown:   func(f figures) error { return atLeast(f.failed(), 1, "requests that failed") },
		limits: limits{
			outcomes: "no answer, EXPIRED, UNAVAILABLE, no responders", failedCalls: true,
			strongGap: 20 * time.Second, weakGap: 20 * time.Second, leasedGap: 20 * time.Second, normal: 5 * time.Second, ambiguous: true,
		},
	},
	{
		name:    "etcd certificates expired, and replaced",
		promise: "new ones are taken with the next connection; with an expired one a worker is refused, says it, and comes back when it is replaced",
		plan:    plan{tls: true},
		inject:  replaceCertificates,
		shown:   func(f figures) error { return gapAtLeast(f.strongGap, 2*time.Second) },
		limits: limits{
			outcomes: "no answer, EXPIRED, UNAVAILABLE, no responders", failedCalls: true,
			strongGap: 30 * time.Second, weakGap: 25 * time.Second, leasedGap: 30 * time.Second, normal: 5 * time.Second, ambiguous: true,
		},
	},
	{
		name:    "etcd grpc-proxy",
		promise: "behind it the same holds when the leader is killed, and when it is itself",
		plan:    plan{grpcProxy: true},
		inject:  killProxy,
		shown:   func(f figures) error { return gapAtLeast(f.strongGap, election/2) },
		limits: limits{
			outcomes:  "no answer, EXPIRED, UNAVAILABLE, no responders",
			strongGap: 8 * time.Second, weakGap: 5 * time.Second, leasedGap: 8 * time.Second, normal: 6 * time.Second, ambiguous: true,
		},
	},
}

// aroundOrders: a member that hands over or stands still costs the time of an
// attempt, and no more.
var aroundOrders = limits{
	outcomes: "EXPIRED, UNAVAILABLE", leased: replaced,
	strongGap: 4 * time.Second, weakGap: 2 * time.Second, leasedGap: 4 * time.Second, normal: 2 * time.Second, ambiguous: true,
}

// replaceMembers adds a fourth member, replaces the leader with one that has an
// empty disk, and removes the fourth.
func replaceMembers(r *run) {
	fourth := &member{client: ports.Free(r), listen: ports.Free(r)}
	fourth.peer = fourth.listen
	r.etcd.newMember(r, r.system, fourth, "etcd3", 0)
	r.join(fourth)
	r.etcd.members = append(r.etcd.members, fourth)
	r.during(time.Second)

	old := r.etcd.leader(r)
	r.remove(old)
	r.during(2 * time.Second)
	r.join(old)
	r.during(time.Second)
	r.remove(fourth)
	r.etcd.members = r.etcd.members[:3]
	r.during(2 * time.Second)
	r.notef("a fourth member learned and was promoted, the leader was replaced, the fourth one was removed")
}

// join has a member with an empty disk learn, for a while, and be promoted. It
// returns its id. Whatever fails is tried again: an attempt that seems to have failed
// may have been made.
func (r *run) join(m *member) (id uint64) {
	r.Helper()
	peer := "http://" + m.peer
	eventually(r, pace.Patience, m.name+" is added", func() error { // not before all have been there for five seconds
		return r.etcd.attempt(r.Context(), func(ctx context.Context, client *clientv3.Client) error {
			added, err := client.MemberAddAsLearner(ctx, []string{peer})
			if err == nil {
				id = added.Member.ID
				return nil
			}
			list, unlisted := client.MemberList(ctx)
			if unlisted != nil {
				return err
			}
			for _, is := range list.Members {
				if slices.Contains(is.PeerURLs, peer) {
					id = is.ID
					return nil
				}
			}
			return err
		})
	})
	initial := []string{m.name + "=" + peer}
	for _, other := range r.etcd.members {
		if other != m {
			initial = append(initial, other.name+"=http://"+other.peer)
		}
	}
	m.set("--cluster", strings.Join(initial, ","))
	m.set("--state", "existing")
	m.start(r)
	r.during(2 * time.Second) // workers may talk to a learner
	eventually(r, pace.Patience, m.name+" is promoted", func() error {
		if !m.running() { // it ends if it can't reach the others at first
			m.start(r)
		}
		return r.etcd.attempt(r.Context(), func(ctx context.Context, client *clientv3.Client) error {
			_, err := client.MemberPromote(ctx, id)
			if errors.Is(err, rpctypes.ErrMemberNotLearner) {
				return nil
			}
			return err
		})
	})
	return id
}

// remove removes a member, and wipes its disk.
func (r *run) remove(m *member) {
	r.Helper()
	eventually(r, pace.Patience, m.name+" is removed", func() error {
		return r.etcd.attempt(r.Context(), func(ctx context.Context, client *clientv3.Client) error {
			list, err := client.MemberList(ctx)
			if err != nil {
				return err
			}
			for _, is := range list.Members {
				if is.Name == m.name {
					_, err := client.MemberRemove(ctx, is.ID)
					return err
				}
			}
			return nil
		})
	})
	m.kill()
	if err := os.RemoveAll(m.dir); err != nil {
		r.Fatal(err)
	}
}

// set changes a flag that the process has from its next start on.
func (p *process) set(flag, value string) {
	if i := slices.Index(p.args, flag); i >= 0 {
		p.args[i+1] = value
		return
	}
	p.args = append(p.args, flag, value)
}

// order does something to etcd so many times, and returns how often it was done. It
// fails the test if it hardly ever was.
func (r *run) order(what string, times int, pause time.Duration, do func(*etcdCluster, context.Context, int) error) int {
	r.Helper()
	done, last := 0, error(nil)
	for i := range times {
		ctx, cancel := context.WithTimeout(r.Context(), pace.Patience)
		if err := do(r.etcd, ctx, i); err == nil {
			done++
		} else {
			last = err
		}
		cancel()
		r.during(pause)
	}
	r.checkf(done >= times/2, "%s was done %d times of %d: %v", what, done, times, last)
	return done
}

func moveLeaders(r *run) {
	before, _ := r.term(0)
	r.order("move-leader", 8, time.Second, (*etcdCluster).moveLeader)
	after, _ := r.term(0)
	r.notef("%d terms", after-before)
}

func defragAll(r *run) {
	n := r.order("defrag", 12, 300*time.Millisecond, (*etcdCluster).defragOne)
	r.notef("%d defrags", n)
}

func compactAlways(r *run) {
	n := r.order("compaction", 50, 100*time.Millisecond, (*etcdCluster).compact)
	r.notef("%d compactions", n)
}

func switchAuth(r *run) {
	for range 2 {
		r.etcd.enableAuth(r)
		r.during(3 * time.Second)
		r.etcd.disableAuth(r)
		r.during(3 * time.Second)
	}
	r.notef("enabled and disabled twice")
}

func changePassword(r *run) {
	const changed = "another"
	r.etcd.ask(r, func(ctx context.Context, client *clientv3.Client, do func(any, error)) {
		do(client.UserChangePassword(ctx, r.user, changed))
	})
	r.during(3 * time.Second)
	r.password = changed
	said := 0
	for _, w := range r.workers {
		if w.said("invalid user ID or password") {
			said++
		}
		r.configure(r, w, r.lease)
		w.terminate(r, 10*time.Second)
		r.startWorker(r, w)
		w.waitReady(r, pace.Patience)
	}
	r.checkf(said > 0, "no worker said why it was refused")
	r.notef("%d of %d workers had said that the password is wrong; each was restarted with the new one", said, len(r.workers))
}

// replaceCertificates replaces all certificates, and has everybody connect anew; then
// it lets the workers' expire, and does the same.
func replaceCertificates(r *run) {
	anew := func() {
		for _, w := range r.workers {
			w.setLinks((*servers.Proxy).Cut)
			w.setLinks((*servers.Proxy).Heal)
		}
	}
	began := r.record.history.Now()
	for range 3 {
		r.etcd.tls.renew(r)
		anew()
		r.during(time.Second)
	}
	quiet := r.withoutIDs(strongKeys[0], began)
	r.etcd.tls.expire(r, "worker")
	anew()
	left := r.waitAll(leaving, false)
	r.awaitWord("a certificate has expired", "expired")
	r.during(time.Second)
	r.etcd.tls.renew(r)
	back := r.waitAll(pace.Patience, true)
	r.notef("replaced in time, no STRONG id of a key for %s; expired, workers left the queue group after %s, and were back %s after new ones", seconds(quiet), seconds(left), seconds(back))
}

// startProxy starts etcd's own gRPC proxy, which knows all members.
func (s *system) startProxy(t testing.TB) {
	t.Helper()
	s.front = ports.Free(t)
	var members []string
	for _, m := range s.etcd.members {
		members = append(members, m.client)
	}
	s.proxy = newProcess(t, s.dir, "grpc-proxy", s.bin.node, "grpc-proxy",
		"--listen", s.front, "--endpoints", strings.Join(members, ","))
	s.proxy.start(t)
	s.awaitProxy(t)
}

func (s *system) awaitProxy(t testing.TB) {
	t.Helper()
	eventually(t, pace.Patience, "etcd's proxy listens", func() error {
		c, err := net.Dial("tcp", s.front)
		if err == nil {
			c.Close()
		}
		return err
	})
}

func killProxy(r *run) {
	killLeader(r)
	r.during(time.Second)
	r.proxy.kill()
	r.during(time.Second)
	r.proxy.start(r)
	r.awaitProxy(r)
	r.waitAll(pace.Patience, true)
	r.during(time.Second)
	r.notef("the leader was away for 3 s, and the proxy for one")
}
