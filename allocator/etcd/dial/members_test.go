package dial_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
)

var key = allocator.Key{Store: "demo", Name: "key666"}

// proxied is a cluster of three whose members are reached through proxies.
type proxied struct {
	servers.EtcdCluster
	proxies []*servers.Proxy
	client  *clientv3.Client
}

func startProxied(t *testing.T) *proxied {
	t.Helper()
	p := &proxied{EtcdCluster: servers.StartEtcdCluster(t, 3)}
	var endpoints []string
	for _, e := range p.EtcdCluster {
		proxy := servers.StartProxy(t, e.Endpoint)
		p.proxies = append(p.proxies, proxy)
		endpoints = append(endpoints, proxy.Addr)
	}
	var err error
	p.client, err = dial.Open(t.Context(), dial.Config{Endpoints: endpoints, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.client.Close() })
	return p
}

// follower returns the number of a member that does not lead.
func (p *proxied) follower() int {
	leader, _ := p.Leader()
	return (leader + 1) % len(p.proxies)
}

func (p *proxied) uses(i int) bool {
	return slices.Contains(p.client.Endpoints(), p.proxies[i].Addr)
}

// seen is what four callers see who advance a key each.
type seen struct {
	mu      sync.Mutex
	history allocatortest.History
	stalls  *pace.Stalls
	slowest time.Duration // of the advances that began after the member was left, without the stalls
}

// run advances until the member is left, and each caller some times more. An
// advance gives up after 3 s, or what the machine takes for that.
func (a *seen) run(t *testing.T, c *etcd.Counter, left func() bool) {
	t.Helper()
	a.stalls = pace.WatchStalls(t)
	begun := time.Now()
	var wg sync.WaitGroup
	for client := range 4 {
		wg.Go(func() {
			for more := 50; more > 0; {
				was := left()
				if was {
					more--
				} else if time.Since(begun) > pace.Patience {
					t.Error("the member is not left")
					return
				}
				begin := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				key := allocator.Key{Store: "s", Name: fmt.Sprint(client)}
				op := allocatortest.Op{Key: key, Client: client, Strong: true, Start: a.history.Now()}
				var err error
				op.Ids, err = c.Advance(ctx, key, 1)
				op.End = a.history.Now()
				cancel()
				a.mu.Lock()
				if err == nil {
					a.history.Add(op)
				} else if a.stalls.Since(begin) < time.Second {
					t.Errorf("%v after the fault: %v", begin.Sub(begun), err)
				}
				if was {
					a.slowest = max(a.slowest, time.Since(begin)-a.stalls.Since(begin))
				}
				a.mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// A member that falls silent, or that is cut off from the others, is left, and
// used again when it is well. No advance fails, and none that begins after it was
// left has to do with it: an attempt on such a member takes a second.
func TestSilentMemberIsLeft(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		fault, heal func(p *proxied, i int)
	}{
		{"silent both ways",
			func(p *proxied, i int) { p.proxies[i].Blackhole() },
			func(p *proxied, i int) { p.proxies[i].Heal() }},
		{"answers are lost",
			func(p *proxied, i int) { p.proxies[i].DropResponses() },
			func(p *proxied, i int) { p.proxies[i].Heal() }},
		{"cut off from the others",
			func(p *proxied, i int) { p.Isolate(i) },
			func(p *proxied, i int) { p.Rejoin(i) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := startProxied(t)
			c := etcd.NewCounter(p.client, etcd.Config{})
			t.Cleanup(c.Close)
			etcdtest.MustAdvance(t, c, key, 1, 1)
			sick := p.follower()
			var a seen
			test.fault(p, sick)
			a.run(t, c, func() bool { return !p.uses(sick) })
			// On a busy machine another one may have been slow, too, for a moment.
			etcdtest.Eventually(t, func() bool { return len(p.client.Endpoints()) == 2 && !p.uses(sick) }, "the client does not use the other two")
			if a.slowest >= time.Second {
				t.Errorf("an advance that began when the member had been left took %v", a.slowest)
			}
			if n := len(a.history.Ops()); n < 100 {
				t.Errorf("only %d advances: the test shows little", n)
			}
			if err := allocatortest.CheckStrong(a.history.Ops()); err != nil {
				t.Error(err)
			}
			if err := allocatortest.CheckUnique(a.history.Ops()); err != nil {
				t.Error(err)
			}
			test.heal(p, sick)
			etcdtest.Eventually(t, func() bool { return p.uses(sick) }, "the member is not used again")
		})
	}
}

// A member that answers reads, and whose writes time out, passed for one that
// works: it was asked for a read.
func TestMemberThatOnlyReadsIsLeft(t *testing.T) {
	t.Parallel()
	server := servers.StartEtcd(t)
	calls := servers.StartCalls(t, server.Endpoint)
	client, err := dial.Open(t.Context(), dial.Config{Endpoints: []string{server.Endpoint, calls.Addr}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c := etcd.NewCounter(client, etcd.Config{Log: slog.New(slog.DiscardHandler)})
	defer c.Close()
	etcdtest.MustAdvance(t, c, key, 1, 1)
	const txn = "/etcdserverpb.KV/Txn"
	calls.Hold(txn)
	etcdtest.Eventually(t, func() bool { _ = c.Ready(t.Context()); return len(client.Endpoints()) == 1 }, "the member is used")
	if got := client.Endpoints()[0]; got != server.Endpoint {
		t.Errorf("the client uses %s", got)
	}
	calls.Release(txn)
	etcdtest.Eventually(t, func() bool { return len(client.Endpoints()) == 2 }, "the member is not used again")
}

// Calls that are under way to a member when it is left end then, whatever time
// they have left: nobody waits behind them.
func TestCallsToSilentMemberAreCut(t *testing.T) {
	t.Parallel()
	p := startProxied(t)
	answered := map[uint64]bool{}
	etcdtest.Eventually(t, func() bool { // only connected members are asked, in turn
		resp, err := p.client.Txn(t.Context()).Then(clientv3.OpGet("x")).Commit()
		if err != nil {
			t.Fatal(err)
		}
		answered[resp.Header.MemberId] = true
		return len(answered) == len(p.proxies)
	}, "the client does not use every member")
	p.proxies[p.follower()].Blackhole()
	begin := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), pace.Patience)
	defer cancel()
	var wg sync.WaitGroup
	var failed atomic.Int64
	for range 12 {
		wg.Go(func() {
			if _, err := p.client.Txn(ctx).Then(clientv3.OpGet("x")).Commit(); err != nil {
				failed.Add(1)
			}
		})
	}
	wg.Wait()
	took := time.Since(begin)
	t.Logf("%d of 12 calls failed; the last ended after %v", failed.Load(), took)
	if took > pace.Patience/2 {
		t.Errorf("calls waited behind the member for %v", took)
	}
	if failed.Load() == 0 {
		t.Error("no call was under way to the member: the test shows nothing")
	}
}

// If nobody answers it is not a member's fault: the client keeps all, and goes on
// as soon as they are back.
func TestAllMembersSilent(t *testing.T) {
	t.Parallel()
	p := startProxied(t)
	c := etcd.NewCounter(p.client, etcd.Config{})
	t.Cleanup(c.Close)
	etcdtest.MustAdvance(t, c, key, 1, 1)
	for _, proxy := range p.proxies {
		proxy.Cut()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if ids, err := c.Advance(ctx, key, 1); err == nil {
		t.Errorf("got %v from nobody", ids)
	}
	if got := p.client.Endpoints(); len(got) != 3 {
		t.Errorf("the client uses %v", got)
	}
	for _, proxy := range p.proxies {
		proxy.Heal()
	}
	begin, stalls := time.Now(), pace.WatchStalls(t)
	ctx, cancel = context.WithTimeout(t.Context(), pace.Patience)
	defer cancel()
	// An attempt of the one that was given up may yet be applied: then its id is a gap.
	if ids, err := c.Advance(ctx, key, 1); err != nil || ids.First < 2 {
		t.Errorf("got %v, %v", ids, err)
	}
	if took := time.Since(begin) - stalls.Since(begin); took > 2*time.Second {
		t.Errorf("it took %v to come back", took)
	}
}
