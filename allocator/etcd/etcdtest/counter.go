// Package etcdtest is what the tests of allocator/etcd and of the rooms below it
// have in common.
package etcdtest

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
)

// Open returns a Counter on a server.
func Open(t testing.TB, server *servers.Etcd, prefix string) *etcd.Counter {
	t.Helper()
	c := etcd.NewCounter(server.Connect(t), etcd.Config{Prefix: prefix, Writer: "w1"})
	t.Cleanup(c.Close)
	return c
}

// Guarded returns a Counter that remembers in dir; "": that does not.
func Guarded(t testing.TB, server *servers.Etcd, dir string) *etcd.Counter {
	t.Helper()
	c := etcd.NewCounter(server.Connect(t), etcd.Config{Writer: "w", StateDir: dir, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	t.Cleanup(c.Close)
	return c
}

// MustAdvance advances a counter by n, to ids that begin with first.
func MustAdvance(t testing.TB, c allocator.Counter, key allocator.Key, n int, first int64) {
	t.Helper()
	ids, err := c.Advance(t.Context(), key, n)
	if err != nil {
		t.Fatal(err)
	}
	if want := (allocator.Range{First: first, N: n}); ids != want {
		t.Fatalf("got %v, want %v", ids, want)
	}
}

// Seed writes a counter's record.
func Seed(t testing.TB, server *servers.Etcd, prefix string, key allocator.Key, last int64) {
	t.Helper()
	Put(t, server, prefix+"/v1/counters/"+key.Store+"/"+key.Name, fmt.Sprintf(`{"fmt":1,"last":%d,"by":"seed"}`, last))
}

// Put writes what stands at a path.
func Put(t testing.TB, server *servers.Etcd, path, value string) {
	t.Helper()
	if _, err := server.Connect(t).Put(t.Context(), path, value); err != nil {
		t.Fatal(err)
	}
}

// Get returns what stands at a path, "" where there is nothing.
func Get(t testing.TB, server *servers.Etcd, path string) string {
	t.Helper()
	resp, err := server.Connect(t).Get(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Kvs) == 0 {
		return ""
	}
	return string(resp.Kvs[0].Value)
}

// Crowd has 256 keys advanced at a time, each rounds times by each counter, and
// returns what they got.
func Crowd(t *testing.T, rounds, keyLength int, counters ...*etcd.Counter) *allocatortest.History {
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

// WantExplained checks that every ambiguous swap was in a transaction that got no
// answer, as happens on a busy machine. What was refused is none of them.
func WantExplained(t *testing.T, s etcd.Stats) {
	t.Helper()
	if n, lost := s.Swaps[etcd.SwapAmbiguous], s.Transactions[etcd.Timeout]+s.Transactions[etcd.Unreachable]; n > lost*etcd.MaxBatch {
		t.Errorf("%d swaps are ambiguous, and %d transactions got no answer", n, lost)
	}
}

// MustReady probes until the Counter is ready.
func MustReady(t *testing.T, c *etcd.Counter) {
	t.Helper()
	Eventually(t, func() bool { return c.Ready(t.Context()) == nil }, "not ready")
}

// Eventually waits until something holds.
func Eventually(t testing.TB, holds func() bool, what string) {
	t.Helper()
	deadline := time.After(pace.Patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal(what)
		}
	}
}
