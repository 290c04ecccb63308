package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/integration/servers"
)

var key = allocator.Key{Store: "demo", Name: "key666"}

// store is one etcd with a prefix of its own.
type store struct {
	server *servers.Etcd
	prefix string
}

func (s store) Open(t testing.TB) allocator.Counter { return etcdtest.Open(t, s.server, s.prefix) }

func (s store) Seed(t testing.TB, key allocator.Key, last int64) {
	t.Helper()
	etcdtest.Seed(t, s.server, s.prefix, key, last)
}

// soon bounds an advance that is expected to fail.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestCounterConforms(t *testing.T) {
	server := servers.StartEtcd(t)
	n := 0
	allocatortest.TestCounter(t, func(testing.TB) allocatortest.Place {
		n++
		return store{server, fmt.Sprintf("/conform%d", n)}
	})
}

func TestRecord(t *testing.T) {
	server := servers.StartEtcd(t)
	c := etcdtest.Open(t, server, "")
	etcdtest.MustAdvance(t, c, key, 10, 1)
	const want = `{"fmt":1,"last":10,"by":"w1"}`
	if got := etcdtest.Get(t, server, "/seqd/v1/counters/demo/key666"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := ready(t, c); err != nil {
		t.Errorf("Ready: %v", err)
	}
	if got := etcdtest.Get(t, server, "/seqd/v1/probe"); got != "" {
		t.Errorf("Ready wrote %s", got)
	}
}

func TestUnreadableRecordIsLeftAlone(t *testing.T) {
	server := servers.StartEtcd(t)
	const path = "/seqd/v1/counters/demo/key666"
	for _, value := range []string{
		``, `7`, `{}`, `null`, `{"fmt":2,"last":5,"by":"w"}`, `{"fmt":3,"last":5,"by":"w"}`, `{"fmt":4,"last":5,"by":"w"}`, `{"fmt":1,"by":"w"}`, `{"fmt":1,"last":-1,"by":"w"}`,
		`{"fmt":1,"last":5,"by":"w","lease":3}`, `{"fmt":1,"last":5,"by":"w"}{}`, `{"fmt":1,"last":9223372036854775808,"by":"w"}`, `{"fmt":1,"last":1.5,"by":"w"}`,
	} {
		t.Run(value, func(t *testing.T) {
			etcdtest.Put(t, server, path, value)
			_, err := etcdtest.Open(t, server, "").Advance(t.Context(), key, 1)
			if !errors.Is(err, allocator.ErrUnreadable) {
				t.Errorf("got %v, want ErrUnreadable", err)
			}
			if got := etcdtest.Get(t, server, path); got != value {
				t.Errorf("the record was changed to %s", got)
			}
		})
	}
}

// Somebody may write a record by hand.
func TestRecordWithSpaces(t *testing.T) {
	server := servers.StartEtcd(t)
	etcdtest.Put(t, server, "/seqd/v1/counters/demo/key666", "{ \"last\": 41,\n \"fmt\": 1 }\n")
	etcdtest.MustAdvance(t, etcdtest.Open(t, server, ""), key, 1, 42)
}

func TestFloor(t *testing.T) {
	server := servers.StartEtcd(t)
	floor := int64(1000)
	c := etcd.NewCounter(server.Connect(t), etcd.Config{Floor: func(k allocator.Key) int64 {
		if k == key {
			return floor
		}
		return 0
	}})
	t.Cleanup(c.Close)
	etcdtest.MustAdvance(t, c, key, 1, 1001)
	etcdtest.MustAdvance(t, c, allocator.Key{Store: "demo", Name: "other"}, 1, 1)
	floor = 500 // lower than the mark: no effect
	etcdtest.MustAdvance(t, c, key, 1, 1002)
	floor = math.MaxInt64 - 1
	etcdtest.MustAdvance(t, c, key, 1, math.MaxInt64)
	if _, err := c.Advance(t.Context(), key, 1); !errors.Is(err, allocator.ErrExhausted) {
		t.Errorf("got %v, want ErrExhausted", err)
	}
}

func TestHistoryThatGoesBackwardsIsRefused(t *testing.T) {
	const path = "/seqd/v1/counters/demo/key666"
	for _, test := range []struct {
		name   string
		rewind func(t *testing.T, server *servers.Etcd)
	}{
		{"record deleted", func(t *testing.T, server *servers.Etcd) {
			if _, err := server.Connect(t).Delete(t.Context(), path); err != nil {
				t.Fatal(err)
			}
		}},
		{"mark lowered", func(t *testing.T, server *servers.Etcd) {
			etcdtest.Put(t, server, path, `{"fmt":1,"last":3,"by":"x"}`)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := servers.StartEtcd(t)
			c := etcdtest.Open(t, server, "")
			etcdtest.MustAdvance(t, c, key, 10, 1)
			test.rewind(t, server)
			before := etcdtest.Get(t, server, path)
			for range 2 { // and it stays refused
				if ids, err := c.Advance(t.Context(), key, 1); !errors.Is(err, allocator.ErrFenced) {
					t.Errorf("got %v, %v, want ErrFenced", ids, err)
				}
			}
			if got := etcdtest.Get(t, server, path); got != before {
				t.Errorf("the record was changed to %s", got)
			}
			etcdtest.MustAdvance(t, c, allocator.Key{Store: "demo", Name: "other"}, 1, 1)
		})
	}
}

// An etcd that was thrown away and set up anew at the same address has another
// history: its counters start at 1 again.
func TestReplacedClusterIsRefused(t *testing.T) {
	server := servers.StartEtcd(t)
	c := etcdtest.Open(t, server, "")
	etcdtest.MustAdvance(t, c, key, 10, 1)
	server.Replace(t)
	other := allocator.Key{Store: "demo", Name: "other"} // of whose record nothing is known
	for _, k := range []allocator.Key{other, key} {
		if ids, err := c.Advance(t.Context(), k, 1); !errors.Is(err, allocator.ErrFenced) {
			t.Errorf("%v: got %v, %v, want ErrFenced", k, ids, err)
		}
	}
	if err := ready(t, c); !errors.Is(err, allocator.ErrFenced) {
		t.Errorf("Ready: got %v, want ErrFenced", err)
	}
}

func TestComesBackWithEtcd(t *testing.T) {
	server := servers.StartEtcd(t)
	c := etcdtest.Open(t, server, "")
	etcdtest.MustAdvance(t, c, key, 1, 1)
	server.Stop()
	if _, err := c.Advance(soon(t), key, 1); !errors.Is(err, allocator.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if err := c.Ready(soon(t)); err == nil {
		t.Error("Ready without etcd")
	}
	waiting := make(chan error, 1)
	go func() { // waits for etcd, as long as its context lasts
		_, err := c.Advance(t.Context(), key, 1)
		waiting <- err
	}()
	server.Start(t)
	if err := <-waiting; err != nil {
		t.Error(err)
	}
	ids, err := c.Advance(t.Context(), key, 1)
	if err != nil || ids.First < 3 {
		t.Errorf("got %v, %v", ids, err)
	}
}

func TestCloseFailsWhatWaits(t *testing.T) {
	server := servers.StartEtcd(t)
	c := etcdtest.Open(t, server, "")
	server.Stop()
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			_, err := c.Advance(t.Context(), allocator.Key{Store: "demo", Name: fmt.Sprint(i)}, 1)
			if !errors.Is(err, allocator.ErrUnavailable) {
				t.Errorf("got %v, want ErrUnavailable", err)
			}
		})
	}
	c.Close()
	wg.Wait()
}

// Advances of different keys that are due together share transactions, and a
// lost race among them fails only its own key.
func TestKeysShareTransactions(t *testing.T) {
	server := servers.StartEtcd(t)
	client := server.Connect(t)
	counting := &countingKV{KV: client.KV}
	client.KV = counting
	c := etcd.NewCounter(client, etcd.Config{Writer: "w1"})
	t.Cleanup(c.Close)
	rival := etcdtest.Open(t, server, "")

	const keys, rounds = 300, 3
	for round := range rounds {
		if round > 0 { // half of the beliefs are out of date now
			for i := 0; i < keys; i += 2 {
				if _, err := rival.Advance(t.Context(), allocator.Key{Store: "s", Name: fmt.Sprint(i)}, 1); err != nil {
					t.Fatal(err)
				}
			}
		}
		var wg sync.WaitGroup
		for i := range keys {
			wg.Go(func() {
				want := int64(round + 1)
				if i%2 == 0 {
					want += int64(round)
				}
				ids, err := c.Advance(t.Context(), allocator.Key{Store: "s", Name: fmt.Sprint(i)}, 1)
				if err != nil || ids.First != want {
					t.Errorf("round %d, key %d: got %v, %v, want %d", round, i, ids, err, want)
				}
			})
		}
		wg.Wait()
	}
	if n := counting.n.Load(); n > keys*rounds/2 {
		t.Errorf("%d advances took %d transactions: they are not shared", keys*rounds, n)
	}
}

func TestPathKeepsKeysApart(t *testing.T) {
	c := etcd.NewCounter(servers.StartEtcd(t).Connect(t), etcd.Config{Prefix: "/p"})
	t.Cleanup(c.Close)
	for key, want := range map[allocator.Key]string{
		{Store: "a", Name: "b/c"}: "/p/v1/counters/a/b/c",
		{Store: "a", Name: "b.c"}: "/p/v1/counters/a/b.c",
		{Store: "b", Name: "c"}:   "/p/v1/counters/b/c",
	} {
		if got := c.Path(key); got != want {
			t.Errorf("%v: got %s, want %s", key, got, want)
		}
	}
}

func TestErrorSaysWhatMayHaveHappened(t *testing.T) {
	server := servers.StartEtcd(t)
	c := etcdtest.Open(t, server, "")
	etcdtest.MustAdvance(t, c, key, 1, 1)
	server.Stop()
	_, err := c.Advance(soon(t), key, 7)
	for _, want := range []string{"/seqd/v1/counters/demo/key666", "by 7", "may have moved"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

var _ clientv3.KV = (*countingKV)(nil)
