package integration_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/integration/servers"
)

// Three workers on a real etcd, callers in both modes on one key, and workers
// that come and go meanwhile: nobody is turned away, nothing twice, nothing out
// of order.
func TestPromisesWhileWorkersComeAndGo(t *testing.T) {
	server, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	startWorker(t, server, db)
	startWorker(t, server, db)
	client, err := seqd.New(server.Connect(t), seqd.WithTimeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	key := allocator.Key{Store: "demo", Name: "key"}

	var history allocatortest.History
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	for caller := range 24 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				op := allocatortest.Op{Key: key, Client: caller, Strong: (caller+i)%2 == 0, Start: history.Now()}
				mode := seqd.Weak
				if op.Strong {
					mode = seqd.Strong
				}
				ids, err := client.NextN(t.Context(), key.Store, key.Name, 1+i%5, seqd.WithMode(mode))
				op.End = history.Now()
				if err != nil {
					t.Error(err)
					return
				}
				op.Ids = allocator.Range{First: ids.First, N: ids.N}
				history.Add(op)
			}
		})
	}
	restarts := comeAndGo(t, server, db, 3*time.Second, &history)
	cancel()
	wg.Wait()
	ops := history.Ops()
	if err := errors.Join(allocatortest.CheckUnique(ops), allocatortest.CheckStrong(ops)); err != nil {
		t.Error(err)
	}
	t.Logf("%d operations, %d workers came and went", len(ops), restarts)
}

// comeAndGo starts workers and stops them, for d and until there is something to
// see: three of them, over a thousand operations.
func comeAndGo(t *testing.T, server *servers.NATS, db *servers.Etcd, d time.Duration, history *allocatortest.History) (workers int) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < d || workers < 3 || len(history.Ops()) < 1000; workers++ {
		w := runWorker(t, server, db)
		w.waitReady(t)
		w.stop(t)
		if t.Failed() || time.Since(begin) > patience {
			t.Fatalf("%d operations, %d workers came and went: it shows little", len(history.Ops()), workers)
		}
	}
	return workers
}

// What a caller sees of trouble in a real etcd.
func TestErrorsOfARealEtcd(t *testing.T) {
	server, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	startWorker(t, server, db)
	client, err := seqd.New(server.Connect(t), seqd.WithMode(seqd.Strong), seqd.WithTimeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	kv := db.Connect(t)
	const path = "/seqd/v1/counters/demo/"
	put := func(key, value string) {
		t.Helper()
		if _, err := kv.Put(t.Context(), path+key, value); err != nil {
			t.Fatal(err)
		}
	}
	want := func(key string, n int, first int64, sentinel error) {
		t.Helper()
		ids, err := client.NextN(t.Context(), "demo", key, n)
		if !errors.Is(err, sentinel) || ids.First != first {
			t.Errorf("%s: got %v, %v, want %d, %v", key, ids, err, first, sentinel)
		}
	}

	put("unreadable", `{"fmt":2}`)
	want("unreadable", 1, 0, seqd.ErrInternal)

	put("end", fmt.Sprintf(`{"fmt":1,"last":%d,"by":"x"}`, int64(math.MaxInt64-2)))
	want("end", 3, 0, seqd.ErrExhausted)
	want("end", 2, math.MaxInt64-1, nil)
	want("end", 1, 0, seqd.ErrExhausted)

	want("deleted", 1, 1, nil)
	if _, err := kv.Delete(t.Context(), path+"deleted"); err != nil {
		t.Fatal(err)
	}
	want("deleted", 1, 0, seqd.ErrFenced)
	want("other", 1, 1, nil)

	db.Stop()
	short, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	if _, err := client.Next(short, "demo", "other"); err == nil {
		t.Error("an id without etcd")
	}
	db.Start(t)
	ids, err := client.NextN(t.Context(), "demo", "other", 1)
	if err != nil || ids.First < 2 {
		t.Errorf("etcd is back: got %v, %v", ids, err)
	}
}
