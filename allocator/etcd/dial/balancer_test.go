package dial_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/integration/servers"
)

// balanced is a cluster of three behind balancers.
type balanced struct {
	servers.EtcdCluster
	balancers []*servers.Balancer
	client    *clientv3.Client
	counter   *etcd.Counter
}

func startBalanced(t *testing.T, balancers int) *balanced {
	t.Helper()
	b := &balanced{EtcdCluster: servers.StartEtcdCluster(t, 3)}
	var members, endpoints []string
	for _, e := range b.EtcdCluster {
		members = append(members, e.Endpoint)
	}
	for i := range balancers {
		balancer := servers.StartBalancer(t, append(members[i:len(members):len(members)], members[:i]...)...)
		b.balancers, endpoints = append(b.balancers, balancer), append(endpoints, balancer.Addr)
	}
	var err error
	b.client, err = dial.Open(t.Context(), dial.Config{Endpoints: endpoints, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.client.Close() })
	b.counter = etcd.NewCounter(b.client, etcd.Config{Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(b.counter.Close)
	return b
}

// serves advances as often as it takes until an advance succeeds, for as long as
// a worker may be out of service.
func (b *balanced) serves(t *testing.T) {
	t.Helper()
	begin := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := b.counter.Advance(ctx, key, 1); err != nil {
		t.Fatalf("not serving %v after the fault: %v", time.Since(begin), err)
	}
	t.Logf("serving %v after the fault", time.Since(begin))
}

// With one endpoint, a balancer before three members, a member that was cut off
// from the others answered "no leader" for as long as the cut lasted, over a
// connection that nobody closed; a new client through the balancer was served.
func TestConnectionToAMemberCutOffIsDialedAnew(t *testing.T) {
	t.Parallel()
	for name, which := range map[string]func(*balanced) int{
		"follower": func(b *balanced) int { leader, _ := b.Leader(); return (leader + 1) % 3 },
		"leader":   func(b *balanced) int { leader, _ := b.Leader(); return leader },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBalanced(t, 1)
			sick := which(b)
			for b.balancers[0].Last() != sick {
				b.balancers[0].Cut()
				b.balancers[0].Heal()
				etcdtest.MustReady(t, b.counter)
			}
			before := len(b.balancers[0].Sent())
			b.Isolate(sick)
			b.serves(t)
			if after := len(b.balancers[0].Sent()); after == before {
				t.Error("served without a new connection: the test shows nothing")
			}
		})
	}
}

// A balancer may know no better, and send us back where we came from: we try
// again, not too often, until it does.
func TestBalancerThatSendsUsBack(t *testing.T) {
	t.Parallel()
	b := startBalanced(t, 1)
	etcdtest.MustReady(t, b.counter)
	b.balancers[0].Stick(true)
	b.Isolate(b.balancers[0].Last())
	begin, before := time.Now(), len(b.balancers[0].Sent())
	etcdtest.Eventually(t, func() bool { _ = b.counter.Ready(t.Context()); return len(b.balancers[0].Sent()) >= before+4 }, "no new connections")
	if took := time.Since(begin); took < 3*time.Second { // 2 s of patience, then half a second, then one
		t.Errorf("four new connections within %v", took)
	}
	b.balancers[0].Stick(false)
	b.serves(t)
}

// Two balancers before the same members: each connection is weighed by itself.
func TestSeveralBalancers(t *testing.T) {
	t.Parallel()
	b := startBalanced(t, 2)
	etcdtest.Eventually(t, func() bool {
		etcdtest.MustReady(t, b.counter)
		return len(b.balancers[0].Sent()) > 0 && len(b.balancers[1].Sent()) > 0
	}, "not both balancers are used")
	b.Isolate(b.balancers[0].Last())
	b.serves(t)
}
