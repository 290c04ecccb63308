package etcd_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/integration/servers"
)

// crowd has 256 keys advanced at a time, each rounds times by each counter, and
// returns what they got.
func crowd(t *testing.T, rounds, keyLength int, counters ...*etcd.Counter) *allocatortest.History {
	t.Helper()
	history := new(allocatortest.History)
	var mu sync.Mutex
	var all sync.WaitGroup
	for client, c := range counters {
		for i := range 256 {
			name := fmt.Sprintf("%0*d", keyLength, i)
			all.Go(func() {
				for range rounds {
					op := allocatortest.Op{Key: allocator.Key{Store: "s", Name: name}, Client: client, Worker: client, Strong: true, Start: history.Now()}
					var err error
					op.Ids, err = c.Advance(t.Context(), op.Key, 1)
					op.End = history.Now()
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					history.Add(op)
					mu.Unlock()
				}
			})
		}
	}
	all.Wait()
	return history
}

// wantExplained: every ambiguous swap was in a transaction that got no answer, as
// happens on a busy machine. What was refused is none of them.
func wantExplained(t *testing.T, s etcd.Stats) {
	t.Helper()
	if n, lost := s.Swaps[etcd.SwapAmbiguous], s.Transactions[etcd.Timeout]+s.Transactions[etcd.Unreachable]; n > lost*etcd.MaxBatch {
		t.Errorf("%d swaps are ambiguous, and %d transactions got no answer", n, lost)
	}
}

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
			said := new(said)
			log := slog.New(slog.NewTextHandler(said, nil))
			var counters []*etcd.Counter
			for range 2 { // who lose races, too
				c := etcd.NewCounter(server.Connect(t), etcd.Config{Log: log})
				t.Cleanup(c.Close)
				mustReady(t, c)
				counters = append(counters, c)
			}
			history := crowd(t, 4, 200, counters...)
			for _, c := range counters {
				s := c.Stats()
				wantExplained(t, s)
				t.Logf("%d transactions, %d refused", s.Transactions[etcd.OK], s.Transactions[etcd.OtherError])
			}
			want := len(counters) // each once
			if name == "what is normal" {
				want = 0
			}
			if n := strings.Count(said.text(), "etcd refuses transactions of this size"); n != want {
				t.Errorf("said %d times, want %d:\n%s", n, want, said.text())
			}
			for _, err := range []error{allocatortest.CheckUnique(history.Ops()), allocatortest.CheckStrong(history.Ops())} {
				if err != nil {
					t.Error(err)
				}
			}
			for i := range 256 { // dense: nothing was skipped
				key := allocator.Key{Store: "s", Name: fmt.Sprintf("%0*d", 200, i)}
				if got, want := counters[0].Known(key), int64(8); got > want {
					t.Fatalf("%v is at %d, want %d", key, got, want)
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
	mustReady(t, c)
	crowd(t, 2, 3, c)
	server.Stop()
	server.Reconfigure(func(c *embed.Config) { c.MaxTxnOps = 4 })
	server.Start(t)
	mustReady(t, c)
	history := crowd(t, 2, 3, c)
	wantExplained(t, c.Stats())
	if err := allocatortest.CheckUnique(history.Ops()); err != nil {
		t.Error(err)
	}
}
