// Package serve is `seqd worker`, and opens the worker that `seqd dev` and `seqd
// bench` run too: it is wired here, and nowhere else.
package serve

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/actor"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
)

// Command is `seqd worker`.
func Command(stderr io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd worker", flag.ContinueOnError)
	cfg := settings.Default()
	file := fs.String("config", "", "configuration `FILE` (YAML)")
	cfg.Flags(fs)
	return &ffcli.Command{
		Name:       "worker",
		ShortUsage: "seqd worker [--config FILE] [flags]",
		ShortHelp:  "answer requests for ids, with your nats-server and etcd",
		LongHelp: "example:\n" +
			"  seqd worker --config /etc/seqd/seqd.yaml\n" +
			"  seqd worker --nats-url nats://nats:4222 --etcd-endpoints etcd1:2379,etcd2:2379,etcd3:2379\n" +
			"\n" +
			"Answers requests for ids on the subjects seq.<store>.<key>. Start as many workers as you like: they\n" +
			"share the work. A worker that finds no NATS or etcd waits until they are there.\n" +
			"SIGTERM or Ctrl-C ends it: it answers the requests that it has accepted, and exits 0.\n" +
			"On SIGHUP it reads log.level from the file again, and nothing else.",
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			clusters, err := cfg.Read(fs, file, args)
			if err != nil {
				return err
			}
			return run(ctx, &cfg, clusters, cfg.LevelReader(fs, *file), stderr)
		},
	}
}

// run runs a worker until a signal. Everything that can fail at the start does so
// before the group runs.
//
//	SIGTERM, SIGINT ──▶ worker drains, sends its spans ──▶ its end interrupts the others
//	SIGHUP ──▶ reload: the log's level
//	           notifier: systemd
//	           the page's watch over the worker's state
//	           HTTP, so that the drain can be watched
func run(ctx context.Context, cfg *settings.Config, clusters []settings.Cluster, readLevel func() (slog.Level, error), stderr io.Writer) error {
	log, level, err := settings.NewLog(stderr, cfg.Log)
	if err != nil {
		return err
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // from now on it does not end the process
	defer signal.Stop(hangups)
	limitMemory(mostKeys(clusters, cfg.MaxKeys))
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	listener, err := settings.ListenHTTP(cfg.HTTP)
	if err != nil {
		return err
	}
	if listener != nil {
		defer listener.Close()
		log.Info("serving HTTP", "addr", listener.Addr().String())
	}
	w, err := Open(ctx, cfg, clusters, Options{Log: log})
	if err != nil {
		return err
	}
	defer w.Close()
	n, err := newNotifier(w.Worker, log)
	if err != nil {
		return err
	}

	var g actor.Group
	g.Add(reloadOn(hangups, log, level, readLevel))
	if n != nil {
		g.Add(func(interrupted context.Context) error { return n.run(interrupted, ctx) })
	}
	if listener != nil {
		p := w.Page(cfg, listener.Addr(), false)
		if p != nil {
			g.Add(p.Run)
		}
		g.Add(actor.HTTP(w.HTTP(cfg.Pprof, p), listener))
	}
	return g.Run(ctx, w.Run)
}
