package serve

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/nats-io/nuid"

	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/cmd/seqd/advice"
	"github.com/seqd-io/seqd/cmd/seqd/metrics"
	"github.com/seqd-io/seqd/cmd/seqd/page"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/cmd/seqd/tracing"
	"github.com/seqd-io/seqd/cmd/seqd/version"
	"github.com/seqd-io/seqd/worker"
)

// Worker is a worker and what it stands on. Run runs it, once; Close must follow.
type Worker struct {
	*worker.Worker
	backends []worker.Backend
	stats    []metrics.Backend // of the same
	places   []page.Place      // and of these, for people
	closers  []func()
	tracer   *tracing.Tracer // nil: no spans are made
	drain    time.Duration
}

// Options are how a worker is opened.
type Options struct {
	Log *slog.Logger

	// OwnEtcd says that no other process knows the etcd: nothing of this machine's
	// memory is read or written beside the configured folder.
	OwnEtcd bool
	// Untraced keeps it from making spans, whatever the environment says.
	Untraced bool
	// Now tells which period has begun; nil means time.Now.
	Now func() time.Time
}

// Open wires a worker as it is configured, over Counters on the clusters. All that
// can fail at the start has not; NATS and etcd are waited for by Run.
func Open(ctx context.Context, cfg *settings.Config, clusters []settings.Cluster, o Options) (*Worker, error) {
	id := nuid.Next()
	log := o.Log.With("worker", id) // as discovery, top, doctor and etcd's records name it
	w := &Worker{drain: cfg.DrainTimeout}
	if err := w.open(ctx, cfg, clusters, id, log, o); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func (w *Worker) open(ctx context.Context, cfg *settings.Config, clusters []settings.Cluster, id string, log *slog.Logger, o Options) (err error) {
	stateDir, fenceDir := cfg.StateDirs()
	if o.OwnEtcd {
		fenceDir = ""
	}
	if err := w.openBackends(ctx, clusters, etcd.Config{Writer: id, StateDir: stateDir, FenceDir: fenceDir, Log: log, Advise: advice.For}); err != nil {
		return err
	}
	config := worker.Config{
		ID:           id,
		Version:      version.String(),
		Root:         cfg.Root,
		Connect:      cfg.NATS.Connect,
		Backends:     w.backends,
		MaxWaiting:   cfg.MaxWaiting,
		MaxPatience:  cfg.MaxPatience,
		MaxKeys:      cfg.MaxKeys,
		DrainTimeout: cfg.DrainTimeout,
		Log:          log,
		Advise:       advice.For,
		Now:          o.Now,
	}
	if !o.Untraced {
		w.tracer, err = tracing.Start(tracing.Config{Endpoint: cfg.Tracing.OTLPEndpoint, ID: id, Version: config.Version, Log: log})
		if err != nil {
			return err
		}
	}
	if w.tracer != nil {
		config.Trace = w.tracer.Trace
	}
	w.Worker, err = worker.New(config)
	return err
}

// openBackends makes a Counter for each cluster; common is what they have in
// common. They come up in the background.
func (w *Worker) openBackends(ctx context.Context, clusters []settings.Cluster, common etcd.Config) error {
	names := map[string]int{}
	for _, c := range clusters {
		name := c.Name()
		if names[name]++; names[name] > 1 { // the same etcd with another prefix or user
			name = fmt.Sprintf("%s#%d", name, names[name])
		}
		client, err := c.Etcd.Dial(ctx, common.Log)
		if err != nil {
			return err
		}
		config := common
		config.Prefix, config.Floor, config.Lease, config.Counting = c.Etcd.Prefix, c.Floor, c.Lease, countingBy(c.Stores)
		config.Log = common.Log.With("component", "etcd", "backend", name)
		counter := etcd.NewCounter(client, config)
		w.closers = append(w.closers, func() { client.Close() }, counter.Close)
		w.backends = append(w.backends, worker.Backend{Name: name, Counter: counter, Lease: c.Lease, Ready: counter.Ready, Stores: c.Stores})
		w.places = append(w.places, page.Place{Cluster: c, Name: name, Admin: operate.New(client, c.Etcd.Prefix), Stats: counter.Stats})
		w.stats = append(w.stats, metrics.Backend{Name: name, Stats: counter.Stats})
	}
	return nil
}

// maxFlush bounds how long the end of a worker waits for a collector. What is
// left of the drain's time bounds it too.
const maxFlush = 2 * time.Second

// Run answers requests until ctx ends, then those it has accepted, and sends the
// spans that wait.
func (w *Worker) Run(ctx context.Context) error {
	began := make(chan time.Time, 1) // to drain
	context.AfterFunc(ctx, func() { began <- time.Now() })
	err := w.Worker.Run(ctx)
	if w.tracer != nil {
		flush := maxFlush
		select {
		case at := <-began:
			flush = min(flush, w.drain-time.Since(at))
		default: // it ended by itself
		}
		w.tracer.Stop(flush)
	}
	return err
}

// Close closes what the worker stands on, when it has ended.
func (w *Worker) Close() {
	for _, c := range slices.Backward(w.closers) {
		c()
	}
}

// HTTP serves the worker's health and metrics, Go's profiles if it is asked to, and
// the page for people if p is not nil.
func (w *Worker) HTTP(profiles bool, p *page.Page) http.Handler {
	m := metrics.Handler(metrics.Sources{Worker: w.Snapshot, Backends: w.stats, Version: version.String()})
	return newHTTP(w.Worker, m, p, profiles)
}

// Page returns the page for people, as it is to be shown at an address; nil where
// it is not. asks says that it may ask for ids.
func (w *Worker) Page(cfg *settings.Config, addr net.Addr, asks bool) *page.Page {
	if !cfg.ShowsPage(addr) {
		return nil
	}
	return page.New(page.Config{
		Worker: w.Worker, Root: cfg.Root, Places: w.places, Connect: cfg.NATS.Connect, Advise: advice.For,
		Loopback: settings.IsLoopback(addr), Asks: asks,
	})
}
