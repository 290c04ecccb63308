package etcd_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/integration/servers"
)

// gaps is an Observer that adds up what is skipped.
type gaps struct {
	mu  sync.Mutex
	ids map[allocator.Gap]int
}

func (g *gaps) TookOver(string, allocator.Takeover) {}
func (g *gaps) Batch(string, int, int)              {}
func (g *gaps) Segment(string, int)                 {}
func (g *gaps) of(why allocator.Gap) int            { g.mu.Lock(); defer g.mu.Unlock(); return g.ids[why] }
func (g *gaps) Skipped(_ string, ids int, why allocator.Gap) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ids == nil {
		g.ids = map[allocator.Gap]int{}
	}
	g.ids[why] += ids
}

func TestStatsOfSwaps(t *testing.T) {
	server := servers.StartEtcd(t)
	a, b := etcdtest.Open(t, server, "/x"), etcdtest.Open(t, server, "/x")
	etcdtest.MustAdvance(t, a, key, 1, 1)
	etcdtest.MustAdvance(t, a, key, 1, 2)
	etcdtest.MustAdvance(t, b, key, 1, 3) // b does not know the record: lost, then won
	etcdtest.MustAdvance(t, a, key, 1, 4) // b was faster: lost, then won
	s := a.Stats()
	if want := [etcd.SwapOutcomes]int64{etcd.SwapWon: 3, etcd.SwapLost: 1}; s.Swaps != want {
		t.Errorf("swaps are %v, want %v", s.Swaps, want)
	}
	if want := [etcd.OutcomesCount]int64{etcd.OK: 4}; s.Transactions != want {
		t.Errorf("transactions are %v, want %v", s.Transactions, want)
	}
	if s.Duration.Count != 4 || s.Duration.Sum <= 0 || s.Sizes.Count != 4 || s.Sizes.Sum != 4 {
		t.Errorf("duration %+v, sizes %+v", s.Duration, s.Sizes)
	}
	if s.Due != 0 {
		t.Errorf("%d swaps are due", s.Due)
	}
	if s := b.Stats(); s.Swaps[etcd.SwapLost] != 1 {
		t.Errorf("b's swaps are %v", s.Swaps)
	}
}

// What is perhaps reserved and never issued is told of, and so is what comes
// when nobody waits any more.
func TestStatsOfAmbiguousSwaps(t *testing.T) {
	server := servers.StartEtcd(t)
	client := server.Connect(t)
	lost := errors.New("answer lost")
	var mu sync.Mutex
	left := 0
	client.KV = &etcdtest.LossyKV{KV: client.KV, Spoil: func() (bool, error) {
		mu.Lock()
		defer mu.Unlock()
		if left--; left >= 0 {
			return false, lost
		}
		return false, nil
	}}
	c, g := etcd.NewCounter(client, etcd.Config{}), new(gaps)
	c.Attach(allocator.Hooks{Observer: g})
	t.Cleanup(c.Close)
	if err := c.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	left = 1
	mu.Unlock()
	etcdtest.MustAdvance(t, c, key, 10, 11)
	if n := g.of(allocator.GapAmbiguous); n != 10 {
		t.Errorf("%d ids are perhaps skipped, want 10", n)
	}
	s := c.Stats()
	if want := [etcd.SwapOutcomes]int64{etcd.SwapWon: 1, etcd.SwapLost: 1, etcd.SwapAmbiguous: 1}; s.Swaps != want {
		t.Errorf("swaps are %v, want %v", s.Swaps, want)
	}
	if s.Transactions[etcd.OtherError] != 1 || s.Probes[etcd.OK] != 1 {
		t.Errorf("transactions are %v, probes %v", s.Transactions, s.Probes)
	}
}

func TestStatsOfAbandonedAdvances(t *testing.T) {
	server := servers.StartEtcd(t)
	proxy := servers.StartProxy(t, server.Endpoint)
	c, g := etcd.NewCounter(servers.Dial(t, proxy.Addr), etcd.Config{}), new(gaps)
	c.Attach(allocator.Hooks{Observer: g})
	t.Cleanup(c.Close)
	etcdtest.MustAdvance(t, c, key, 1, 1)
	proxy.DropResponses() // held back, that is
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { _, err := c.Advance(ctx, key, 7); ended <- err }()
	etcdtest.Eventually(t, func() bool { return c.Stats().Flying == 1 }, "a transaction is under way")
	cancel()
	if err := <-ended; !errors.Is(err, allocator.ErrUnavailable) {
		t.Fatal(err)
	}
	proxy.Heal()
	// It was won, or its attempt's time was up before: never is it untold.
	etcdtest.Eventually(t, func() bool { return g.of(allocator.GapExpired)+g.of(allocator.GapAmbiguous) == 7 }, "the ids are told of")
}

// Each kind of trouble has a name of its own, so that an alert can say what to
// do.
func TestStatsOfTrouble(t *testing.T) {
	const user = "seqd"
	db := servers.StartEtcdWith(t, func(c *embed.Config) {
		c.UnsafeNoFsync, c.QuotaBackendBytes, c.BcryptCost = true, 8<<20, 4
	})
	proxy := servers.StartProxy(t, db.Endpoint)
	admin := db.Connect(t)
	ctx := t.Context()
	var errs []error
	add := func(_ any, err error) { errs = append(errs, err) }
	for _, name := range []string{"root", user} {
		add(admin.RoleAdd(ctx, name))
		add(admin.UserAdd(ctx, name, name))
		add(admin.UserGrantRole(ctx, name, name))
	}
	add(admin.RoleGrantPermission(ctx, user, "/seqd/", clientv3.GetPrefixRangeEnd("/seqd/"), clientv3.PermissionType(clientv3.PermReadWrite)))
	add(admin.AuthEnable(ctx))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	dial := func(endpoint, user string) *clientv3.Client {
		client, err := dial.Open(ctx, dial.Config{Endpoints: []string{endpoint}, Username: user, Password: user})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		return client
	}
	root := dial(db.Endpoint, "root")
	c := etcd.NewCounter(dial(proxy.Addr, user), etcd.Config{})
	t.Cleanup(c.Close)
	etcdtest.MustAdvance(t, c, key, 1, 1)

	nothing := func() {}
	for _, trouble := range []struct {
		want     etcd.Outcome
		do, mend func()
	}{
		{etcd.Timeout, proxy.Blackhole, proxy.Heal},
		{etcd.Unreachable, nothing, proxy.Heal}, // see below
		{etcd.Denied,
			func() { add(root.UserRevokeRole(ctx, user, user)) },
			func() { add(root.UserGrantRole(ctx, user, user)) }},
		{etcd.NoSpace, func() {
			for range 1000 {
				if _, err := root.Put(ctx, "/rubbish", strings.Repeat("x", 200_000)); err != nil {
					return
				}
			}
			t.Error("etcd takes everything")
		}, nothing},
	} {
		t.Run(trouble.want.String(), func(t *testing.T) {
			before := c.Stats()
			trouble.do()
			defer trouble.mend()
			etcdtest.Eventually(t, func() bool {
				ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
				defer cancel()
				if trouble.want == etcd.Unreachable {
					// Where there is no connection nothing answers in time. It shows in a
					// transaction that is under way when the connection breaks.
					proxy.Heal()
					_ = c.Ready(ctx)
					proxy.Blackhole()
					time.AfterFunc(50*time.Millisecond, proxy.Cut)
				}
				_, err := c.Advance(ctx, key, 1)
				err2 := c.Ready(ctx)
				now := c.Stats()
				probes, txns := now.Probes[trouble.want] > before.Probes[trouble.want], now.Transactions[trouble.want] > before.Transactions[trouble.want]
				if err != nil && !txns || err2 != nil && !probes {
					t.Logf("advance: %v; probe: %v", err, err2)
				}
				return probes && txns || trouble.want == etcd.Unreachable && (probes || txns)
			}, "it has a name of its own")
		})
	}
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}
