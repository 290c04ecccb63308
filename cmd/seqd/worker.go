package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
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
			"has accepted, then exits 0. SIGHUP: reads the file's log.level again, and nothing else.",
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			clusters, err := settleConfig(fs, &cfg, file, args)
			if err != nil {
				return err
			}
			return runWorker(ctx, cfg, clusters, levelReader(fs, &cfg, *file), stderr)
		},
	}
}

// settleConfig reads the command line, the environment and the file into cfg,
// and checks the whole.
func settleConfig(fs *flag.FlagSet, cfg *config, file *string, args []string) ([]cluster, error) {
	if err := noWords(fs, args); err != nil {
		return nil, err
	}
	src, err := cfg.settle(fs, file)
	if err != nil {
		return nil, err
	}
	return cfg.check(src)
}

// runWorker runs a worker until a signal. Everything that can fail at the start
// does so before the group runs.
//
//	SIGTERM, SIGINT ──▶ worker ──▶ HTTP, notifier (end last, so that the drain can be watched), tracing
//	SIGHUP ──▶ the log's level
func runWorker(ctx context.Context, cfg config, clusters []cluster, readLevel func() (slog.Level, error), stderr io.Writer) error {
	log, level, err := newLog(stderr, cfg.Log)
	if err != nil {
		return err
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // from now on it does not end the process
	defer signal.Stop(hangups)
	limitMemory(cfg.MaxKeys)
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	var listener net.Listener
	if cfg.HTTP != noHTTP {
		listener, err = net.Listen("tcp", cfg.HTTP)
		if err != nil {
			return fmt.Errorf("HTTP: %w; choose another address with --http-addr (\"none\" for no HTTP)", err)
		}
		defer listener.Close()
		log.Info("serving HTTP", "addr", listener.Addr().String())
	}
	id := nuid.Next()
	named := log.With("worker", id) // as discovery, top, doctor and etcd's records name it
	etcds, err := cfg.openBackends(ctx, clusters, id, named)
	if err != nil {
		return err
	}
	defer etcds.close()
	var g run.Group
	drained := make(chan struct{})
	config := cfg.worker(id, etcds, named)
	if err := cfg.addTracing(&g, ctx, &config, drained); err != nil {
		return err
	}
	w, err := worker.New(config)
	if err != nil {
		return err
	}
	addWorker(&g, ctx, w, drained)
	addReload(&g, ctx, hangups, log, level, readLevel)
	if err := addNotifier(&g, ctx, w, log, drained); err != nil {
		return err
	}
	if listener != nil {
		server := newHTTP(w, etcds.metrics(w), cfg.Pprof)
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
