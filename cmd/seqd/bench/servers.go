//go:build !lean

package bench

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/cmd/seqd/embedded"
	"github.com/seqd-io/seqd/cmd/seqd/serve"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/subjects"
)

// embeddedBench is the wish for servers of one's own.
type embeddedBench struct {
	wanted  bool
	workers int
	lease   time.Duration
	dataDir string
}

func (e *embeddedBench) flags(fs *flag.FlagSet) {
	fs.BoolVar(&e.wanted, "embedded", false, "start nats-server, etcd and workers in this process, and measure these")
	fs.IntVar(&e.workers, "workers", 1, "how many workers --embedded starts")
	fs.DurationVar(&e.lease, "lease", 0, "the lease of the store that --embedded serves; 0 is none")
	dataDirFlag(fs, &e.dataDir)
}

func dataDirFlag(fs *flag.FlagSet, dir *string) {
	fs.StringVar(dir, "data-dir", ".", "`FOLDER` on the disk to measure; the servers keep their data in a new folder in it, which is removed in the end")
}

func (e *embeddedBench) on() bool { return e.wanted }

func (e *embeddedBench) leased() bool { return e.lease > 0 }

func (e *embeddedBench) start(ctx context.Context, root string, stderr io.Writer) (*benchServers, error) {
	if e.workers < 1 {
		return nil, cmdline.UsageError(fmt.Sprintf("--workers must be at least 1, not %d", e.workers))
	}
	if err := settings.Lease(e.lease).Check(); err != nil {
		return nil, cmdline.UsageError(fmt.Sprintf("--lease %v", err))
	}
	s, err := startBenchServers(ctx, e.dataDir, stderr)
	if err != nil {
		return nil, err
	}
	if err := s.startWorkers(ctx, e.workers, root, e.lease); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// benchServers are the servers of a bench, in this process.
type benchServers struct {
	nats, etcd *embedded.Server
	machine    Machine
	dir        string
	log        *slog.Logger
	stops      []func() // in the order of the starts

	client    *clientv3.Client // for compact
	compacted time.Time
}

// drainTimeout keeps Ctrl-C short, as seqd dev does.
const drainTimeout = 3 * time.Second

// quickFsync is less than any disk takes that keeps what it is told to.
const quickFsync = 20 * time.Microsecond

// startBenchServers starts a nats-server and an etcd as seqd dev has them: with
// fsync, and with data in a new folder below parent.
func startBenchServers(ctx context.Context, parent string, stderr io.Writer) (*benchServers, error) {
	log, _, err := settings.NewLog(stderr, settings.Log{Level: "warn", Format: "text"})
	if err != nil {
		return nil, err
	}
	s := &benchServers{machine: ThisMachine(true), log: log, compacted: time.Now()}
	if err := s.start(ctx, parent, stderr); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *benchServers) start(ctx context.Context, parent string, stderr io.Writer) (err error) {
	const hint = "choose another folder with --data-dir"
	if s.dir, err = os.MkdirTemp(parent, "seqd-bench-"); err != nil {
		return fmt.Errorf("data folder: %w; %s", err, hint)
	}
	s.stops = append(s.stops, func() { _ = os.RemoveAll(s.dir) })
	fsync, err := Fsync(s.dir)
	if err != nil {
		return fmt.Errorf("%w; %s", err, hint)
	}
	s.machine.Fsync = float64(fsync) / 1e3
	if fsync < quickFsync {
		fmt.Fprintf(stderr, "seqd: an fsync takes only %v in %s, as if the folder were kept in memory; to measure a disk, name a folder on it with --data-dir\n", fsync, parent)
	}
	if s.nats, err = embedded.StartNATS(embedded.NATS{Name: "seqd-bench"}); err != nil {
		return err
	}
	s.stops = append(s.stops, s.nats.Stop)
	if s.etcd, err = embedded.StartEtcd(ctx, s.dir, 0); err != nil {
		return err
	}
	s.stops = append(s.stops, s.etcd.Stop)
	if s.client, err = s.dialEtcd(ctx); err != nil {
		return err
	}
	s.stops = append(s.stops, func() { _ = s.client.Close() })
	return nil
}

// close stops everything, the last started first, and removes the data.
func (s *benchServers) close() {
	for _, stop := range slices.Backward(s.stops) {
		stop()
	}
}

func (s *benchServers) natsURL() string { return s.nats.URL }

func (s *benchServers) etcdEndpoint() string { return strings.TrimPrefix(s.etcd.URL, "http://") }

func (s *benchServers) dialEtcd(ctx context.Context) (*clientv3.Client, error) {
	// What begins with the bench is ended by its close, so that a signal does
	// not cut off answers.
	return dial.Open(context.WithoutCancel(ctx), dial.Config{Endpoints: []string{s.etcdEndpoint()}})
}

// startWorkers starts n workers that share root, and returns when all serve. Each
// root has counters of its own, and a lease that is 0 none.
func (s *benchServers) startWorkers(ctx context.Context, n int, root string, lease time.Duration) error {
	var workers []*serve.Worker
	for range n {
		w, err := s.startWorker(ctx, root, lease)
		if err != nil {
			return err
		}
		workers = append(workers, w)
	}
	for _, w := range workers {
		select {
		case <-w.Ready():
		case <-time.After(embedded.StartTimeout):
			return fmt.Errorf("a worker did not serve within %v: it is %s; look at the messages above", embedded.StartTimeout, w.State())
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// startWorker starts one worker as seqd worker does, with the defaults but for the
// lease.
func (s *benchServers) startWorker(ctx context.Context, root string, lease time.Duration) (*serve.Worker, error) {
	cfg := settings.Default()
	cfg.Root = root
	cfg.NATS = settings.NATS{URL: s.nats.URL}
	cfg.Etcd.Endpoints = []string{s.etcdEndpoint()}
	cfg.Etcd.Prefix += "-" + root
	cfg.DrainTimeout = drainTimeout
	cfg.StateDir = "none" // its etcd is thrown away
	cfg.Stores = map[string]settings.Store{subjects.AnyStore: {Strong: settings.Strong{Lease: settings.Lease(lease)}}}
	clusters, err := cfg.Clusters(settings.Source{})
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx) // close ends it
	w, err := serve.Open(ctx, &cfg, clusters, serve.Options{Log: s.log, OwnEtcd: true, Untraced: true})
	if err != nil {
		return nil, err
	}
	s.stops = append(s.stops, w.Close)
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := w.Run(ctx); err != nil {
			s.log.Error("a worker ended", "err", err)
		}
	}()
	s.stops = append(s.stops, func() { cancel(); <-ended })
	return w, nil
}

// startJetStream starts a nats-server of its own with JetStream, and returns its
// URL.
func (s *benchServers) startJetStream(name string, syncAlways bool) (url string, err error) {
	server, err := embedded.StartNATS(embedded.NATS{Name: name, StoreDir: filepath.Join(s.dir, name), SyncAlways: syncAlways})
	if err != nil {
		return "", fmt.Errorf("with JetStream: %w", err)
	}
	s.stops = append(s.stops, server.Stop)
	return server.URL, nil
}

// How much history etcd keeps.
const (
	compactEvery  = 10 * time.Second
	keptRevisions = 1000
)

// compact forgets old revisions now and then, as etcd does by itself every five
// minutes: at the rates of a bench its quota would be spent by then.
func (s *benchServers) compact(ctx context.Context) {
	if time.Since(s.compacted) < compactEvery {
		return
	}
	s.compacted = time.Now()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	status, err := s.client.Get(ctx, "/", clientv3.WithCountOnly())
	if err == nil && status.Header.Revision > keptRevisions {
		_, err = s.client.Compact(ctx, status.Header.Revision-keptRevisions)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Warn("can't compact etcd; going on", "err", err)
	}
}
