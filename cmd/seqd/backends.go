package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/cmd/seqd/metrics"
	"github.com/seqd-io/seqd/worker"
)

// backends are the Counters of a worker, with what must be closed after it.
type backends struct {
	list  []worker.Backend
	stats []metrics.Backend // of the same
	close func()
}

// metrics serves what w and the Counters have counted.
func (b backends) metrics(w *worker.Worker) http.Handler {
	return metrics.Handler(metrics.Sources{Worker: w.Snapshot, Backends: b.stats, Version: version()})
}

// openBackends connects a Counter to each cluster. It waits, until ctx ends, for
// the ones that can't be logged in to yet; all others come up in the background.
func (c *config) openBackends(ctx context.Context, clusters []cluster, id string, log *slog.Logger) (backends, error) {
	var closers []func()
	opened := backends{close: func() {
		for _, c := range closers {
			c()
		}
	}}
	names := map[string]int{}
	for _, cl := range clusters {
		name := cl.name()
		if names[name]++; names[name] > 1 { // the same etcd with another prefix or user
			name = fmt.Sprintf("%s#%d", name, names[name])
		}
		client, err := dial(ctx, cl.etcd, log)
		if err != nil {
			opened.close()
			return backends{}, err
		}
		stateDir, strangers := c.stateDir(cl.etcd.Endpoints)
		counter := etcd.NewCounter(client, etcd.Config{
			Prefix: cl.etcd.Prefix, Writer: id, Floor: cl.floors.of,
			StateDir: stateDir, Strangers: strangers, Log: log.With("component", "etcd", "backend", name),
		})
		closers = append(closers, counter.Close, func() { client.Close() })
		opened.list = append(opened.list, worker.Backend{
			Name:    name,
			Counter: counter,
			Ready:   counter.Ready,
			Stores:  cl.stores,
		})
		opened.stats = append(opened.stats, metrics.Backend{Name: name, Stats: counter.Stats})
	}
	return opened, nil
}

// dialPause is the time between two tries to log in to etcd.
const dialPause = time.Second

func dial(ctx context.Context, c etcdConfig, log *slog.Logger) (*clientv3.Client, error) {
	if _, err := c.TLS.client(); err != nil {
		return nil, err // trying again would not help
	}
	said := "" // one line for each cause, not for each try
	for {
		client, err := dialOnce(ctx, c, log)
		if err == nil {
			return client, nil
		}
		if text := err.Error(); text != said {
			log.Warn("can't log in to etcd; trying again", "err", err, "hint", "look at --etcd-endpoints, --etcd-username and the password")
			said = text
		}
		t := time.NewTimer(dialPause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, fmt.Errorf("interrupted while waiting for etcd: %w", context.Cause(ctx))
		}
	}
}

func dialOnce(ctx context.Context, c etcdConfig, log *slog.Logger) (*clientv3.Client, error) {
	tls, err := c.TLS.client()
	if err != nil {
		return nil, err
	}
	return etcd.Dial(ctx, etcd.DialConfig{
		Endpoints: c.Endpoints,
		Username:  c.Username,
		Password:  c.Password,
		TLS:       tls,
		Timeout:   c.DialTimeout,
		Log:       log,
	})
}

// worker returns the configuration of a worker over opened backends.
func (c *config) worker(id string, etcds backends, log *slog.Logger) worker.Config {
	return worker.Config{
		ID:           id,
		Version:      version(),
		Root:         c.Root,
		Connect:      c.NATS.connect,
		Backends:     etcds.list,
		MaxWaiting:   c.MaxWaiting,
		MaxPatience:  c.MaxPatience,
		MaxKeys:      c.MaxKeys,
		DrainTimeout: c.DrainTimeout,
		Log:          log,
	}
}
