package integration_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// patience bounds what is sure to come.
const patience = pace.Patience

// running is a worker in this process.
type running struct {
	*worker.Worker
	cancel context.CancelFunc
	ended  chan error // gets Run's result
}

// startWorker runs a worker for every store until the test's end.
func startWorker(tb testing.TB, server *servers.NATS, db *servers.Etcd) *running {
	tb.Helper()
	r := runWorker(tb, server, db)
	r.waitReady(tb)
	tb.Cleanup(func() { r.stop(tb) })
	return r
}

// startWorkerAt is startWorker with an etcd that is reached at endpoint.
func startWorkerAt(tb testing.TB, server *servers.NATS, endpoint string) *running {
	tb.Helper()
	r := runWorkerAt(tb, server, endpoint, nil)
	r.waitReady(tb)
	tb.Cleanup(func() { r.stop(tb) })
	return r
}

// runWorker starts a worker for every store, which the caller stops.
func runWorker(tb testing.TB, server *servers.NATS, db *servers.Etcd) *running {
	tb.Helper()
	return runWorkerIn(tb, server, db, "")
}

// runWorkerIn is runWorker for a worker that remembers etcd's history in a folder.
func runWorkerIn(tb testing.TB, server *servers.NATS, db *servers.Etcd, stateDir string) *running {
	tb.Helper()
	return launch(tb, server, db.Connect(tb), stateDir, nil)
}

// runWorkerAt is runWorker with an etcd that is reached at endpoint. change,
// which may be nil, gets the worker's configuration before.
func runWorkerAt(tb testing.TB, server *servers.NATS, endpoint string, change func(*worker.Config)) *running {
	tb.Helper()
	return runWorkerOn(tb, server, servers.Dial(tb, endpoint), change)
}

// runWorkerOn is runWorkerAt with a client of etcd.
func runWorkerOn(tb testing.TB, server *servers.NATS, client *clientv3.Client, change func(*worker.Config)) *running {
	tb.Helper()
	return launch(tb, server, client, "", change)
}

func launch(tb testing.TB, server *servers.NATS, client *clientv3.Client, stateDir string, change func(*worker.Config)) *running {
	tb.Helper()
	id := nuid.Next()
	counter := etcd.NewCounter(client, etcd.Config{Writer: id, StateDir: stateDir, Log: slog.New(slog.DiscardHandler)})
	tb.Cleanup(counter.Close)
	config := worker.Config{
		ID:       id,
		Connect:  func(options ...nats.Option) (*nats.Conn, error) { return nats.Connect(server.URL, options...) },
		Backends: []worker.Backend{{Counter: counter, Ready: counter.Ready, Stores: []worker.Store{{Name: subjects.AnyStore}}}},
		Log:      slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&config)
	}
	w, err := worker.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Worker: w, cancel: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- w.Run(ctx) }()
	return r
}

func (r *running) waitReady(tb testing.TB) {
	tb.Helper()
	select {
	case <-r.Ready():
	case <-time.After(patience):
		tb.Fatalf("the worker did not get ready: it is %s", r.State())
	}
}

func (r *running) stop(tb testing.TB) {
	tb.Helper()
	r.cancel()
	select {
	case err := <-r.ended:
		if err != nil {
			tb.Error(err)
		}
	case <-time.After(patience):
		tb.Error("the worker did not end")
	}
}
