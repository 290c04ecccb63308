package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os/signal"
	"syscall"

	"github.com/nats-io/nuid"
	"github.com/oklog/run"
	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/worker"
)

func workerCommand(_, stderr io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd worker", flag.ContinueOnError)
	cfg := defaultConfig()
	file := fs.String("config", "", "configuration `FILE` (YAML)")
	cfg.flags(fs)
	return &ffcli.Command{
		Name:       "worker",
		ShortUsage: "seqd worker [--config FILE] [flags]",
		ShortHelp:  "answer requests for ids, from an outside nats-server and etcd",
		LongHelp: "Answers requests on <root>.<store>.<key>. Any number of workers share the work.\n" +
			"It waits for NATS and etcd if they are not there. SIGTERM or Ctrl-C: answers what it\n" +
			"has accepted, then exits 0.",
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			clusters, err := settleConfig(fs, &cfg, file, args)
			if err != nil {
				return err
			}
			return runWorker(ctx, cfg, clusters, stderr)
		},
	}
}

// settleConfig reads the command line, the environment and the file into cfg,
// and checks the whole.
func settleConfig(fs *flag.FlagSet, cfg *config, file *string, args []string) ([]cluster, error) {
	rest, err := words(fs, args)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, usageError(fmt.Sprintf("unexpected word %q", rest[0]))
	}
	var src source
	err = settle(fs, func() (err error) {
		if path := *file; path != "" {
			src, err = cfg.load(path)
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return cfg.clusters(src)
}

// runWorker runs a worker until a signal. Everything that can fail at the start
// does so before the group runs.
//
//	signal ──▶ worker ──▶ HTTP, notifier (end last, so that the drain can be watched)
func runWorker(ctx context.Context, cfg config, clusters []cluster, stderr io.Writer) error {
	log, err := newLog(stderr, cfg.LogLevel)
	if err != nil {
		return err
	}
	limitMemory(cfg.MaxKeys)
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	var listener net.Listener
	if cfg.HTTP != "none" {
		listener, err = net.Listen("tcp", cfg.HTTP)
		if err != nil {
			return fmt.Errorf("HTTP: %w; choose another address with --http-addr (\"none\" for no HTTP)", err)
		}
		defer listener.Close()
	}
	id := nuid.Next()
	etcds, err := cfg.openBackends(ctx, clusters, id, log)
	if err != nil {
		return err
	}
	defer etcds.close()
	w, err := worker.New(cfg.worker(id, etcds, log))
	if err != nil {
		return err
	}

	var g run.Group
	drained := make(chan struct{})
	addWorker(&g, ctx, w, drained)
	if err := addNotifier(&g, ctx, w, log, drained); err != nil {
		return err
	}
	if listener != nil {
		server := newHTTP(w)
		g.Add(func() error { return serveHTTP(server, listener, drained) }, func(error) {})
	}
	return g.Run()
}

// addWorker adds the actor that everything else waits for: it ends with ctx,
// and drained is closed when its last answer is out.
func addWorker(g *run.Group, ctx context.Context, w *worker.Worker, drained chan<- struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	g.Add(func() error {
		defer close(drained)
		return w.Run(ctx)
	}, func(error) { cancel() })
}
