package etcd_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/integration/servers"
)

// An etcd with --max-txn-ops=16 refused every transaction of more keys, and that
// counted as perhaps applied: two of five advances left a gap in the figures and
// waited, and not a line said why.
func TestSmallerTransactionsWhereEtcdTakesNoLarger(t *testing.T) {
	for name, change := range map[string]func(*embed.Config){
		"16 operations":  func(c *embed.Config) { c.MaxTxnOps = 16 },
		"2 operations":   func(c *embed.Config) { c.MaxTxnOps = 2 },
		"1 operation":    func(c *embed.Config) { c.MaxTxnOps = 1 },
		"8192 bytes":     func(c *embed.Config) { c.MaxRequestBytes = 8192 },
		"1500 bytes":     func(c *embed.Config) { c.MaxRequestBytes = 1500 },
		"what is normal": func(*embed.Config) {},
	} {
		t.Run(name, func(t *testing.T) {
			server := servers.StartEtcdWith(t, func(c *embed.Config) { c.UnsafeNoFsync = true; change(c) })
			said := new(etcdtest.Said)
			log := slog.New(slog.NewTextHandler(said, nil))
			var counters []*etcd.Counter
			for range 2 { // who lose races, too
				c := etcd.NewCounter(server.Connect(t), etcd.Config{Log: log})
				t.Cleanup(c.Close)
				etcdtest.MustReady(t, c)
				counters = append(counters, c)
			}
			history := etcdtest.Crowd(t, 4, 200, counters...)
			for _, c := range counters {
				s := c.Stats()
				etcdtest.WantExplained(t, s)
				t.Logf("%d transactions, %d refused", s.Transactions[etcd.OK], s.Transactions[etcd.OtherError])
			}
			want := len(counters) // each once
			if name == "what is normal" {
				want = 0
			}
			if n := strings.Count(said.Text(), "etcd refuses transactions of this size"); n != want {
				t.Errorf("said %d times, want %d:\n%s", n, want, said.Text())
			}
			for _, err := range []error{allocatortest.CheckUnique(history.Ops()), allocatortest.CheckStrong(history.Ops())} {
				if err != nil {
					t.Error(err)
				}
			}
			for i := range 256 { // dense: nothing was skipped
				key := allocator.Key{Store: "s", Name: fmt.Sprintf("%0*d", 200, i)}
				rec, err := record.DecodeCounter([]byte(etcdtest.Get(t, server, counters[0].Path(key))))
				if want := int64(8); err != nil || rec.Last != want {
					t.Fatalf("%v is at %d, %v; want %d", key, rec.Last, err, want)
				}
			}
		})
	}
}

// The limit may be lowered, or raised, while we run.
func TestSizeLimitChangesWithARestart(t *testing.T) {
	server := servers.StartEtcd(t)
	c := etcd.NewCounter(server.Connect(t), etcd.Config{Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(c.Close)
	etcdtest.MustReady(t, c)
	etcdtest.Crowd(t, 2, 3, c)
	server.Stop()
	server.Reconfigure(func(c *embed.Config) { c.MaxTxnOps = 4 })
	server.Start(t)
	etcdtest.MustReady(t, c)
	history := etcdtest.Crowd(t, 2, 3, c)
	etcdtest.WantExplained(t, c.Stats())
	if err := allocatortest.CheckUnique(history.Ops()); err != nil {
		t.Error(err)
	}
}
