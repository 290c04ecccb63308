package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/cmd/seqd/advice"
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

// openBackends makes a Counter for each cluster. They come up in the background.
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
		client, err := dialEtcd(ctx, cl.etcd, log)
		if err != nil {
			opened.close()
			return backends{}, err
		}
		stateDir, fenceDir := c.stateDirs()
		counter := etcd.NewCounter(client, etcd.Config{
			Prefix: cl.etcd.Prefix, Writer: id, Floor: cl.floors.of,
			StateDir: stateDir, FenceDir: fenceDir, Log: log.With("component", "etcd", "backend", name), Advise: advice.For,
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

// dial returns a client of a cluster. It does not wait for it.
func dialEtcd(ctx context.Context, c etcdConfig, log *slog.Logger) (*clientv3.Client, error) {
	config := dial.Config{
		Endpoints: c.Endpoints,
		Username:  c.Username,
		Password:  c.Password,
		Timeout:   c.DialTimeout,
		Log:       log,
		Advise:    advice.For,
	}
	if c.TLS != (tlsConfig{}) {
		config.TLS = c.TLS.client
		if _, err := c.TLS.client(); err != nil {
			// Now, rather than with every try to connect.
			return nil, fmt.Errorf("etcd: %w; look at --etcd-ca, --etcd-cert and --etcd-key", err)
		}
	}
	return dial.Open(ctx, config)
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
		Advise:       advice.For,
		Log:          log,
	}
}
