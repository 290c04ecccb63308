//go:build !lean

// Package dev is `seqd dev`: nats-server, etcd and a worker in one process.
package dev

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/actor"
	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/cmd/seqd/embedded"
	"github.com/seqd-io/seqd/cmd/seqd/serve"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/subjects"
)

// drainTimeout keeps Ctrl-C to exit within five seconds.
const drainTimeout = 3 * time.Second

// Command is `seqd dev`.
func Command(stdout, stderr io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd dev", flag.ContinueOnError)
	d := dev{}
	fs.StringVar(&d.dir, "data-dir", "./seqd-data", "`FOLDER` the data are kept in")
	fs.IntVar(&d.natsPort, "nats-port", 4222, "`PORT` of nats-server; 0 picks a free one")
	fs.IntVar(&d.etcdPort, "etcd-port", 2379, "`PORT` of etcd; 0 picks a free one")
	fs.IntVar(&d.httpPort, "http-port", 8280, "`PORT` of the page for people, /livez, /readyz and /metrics; 0 picks a free one")
	fs.BoolVar(&d.pprof, "pprof", false, "serve Go's profiles at /debug/pprof/")
	fs.StringVar(&d.config, "config", "", "configuration `FILE` (YAML), for the stores' rules")
	cmdline.ChoiceVar(fs, &d.log.Level, "log-level", "warn", "how much is logged", settings.LogLevels...)
	cmdline.ChoiceVar(fs, &d.log.Format, "log-format", "text", "how it is logged", "text", "json")
	return &ffcli.Command{
		Name:       "dev",
		ShortUsage: "seqd dev [flags]",
		ShortHelp:  "run nats-server, etcd and a worker in one process, to try seqd",
		LongHelp: "example:\n" +
			"  seqd dev\n" +
			"\n" +
			"Starts a nats-server with JetStream, an etcd and a worker on this machine's loopback addresses, and\n" +
			"serves every store name. Everything is kept in a folder, so that ids go on after a restart.\n" +
			"Ctrl-C ends it.",
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			if err := cmdline.NoWords(fs, args); err != nil {
				return err
			}
			if err := settings.SettleFlags(fs); err != nil {
				return err
			}
			return d.run(ctx, stdout, stderr)
		},
	}
}

// dev is what `seqd dev` was asked for.
type dev struct {
	dir                          string
	natsPort, etcdPort, httpPort int
	config                       string
	pprof                        bool
	log                          settings.Log
}

// run runs the servers and a worker until a signal.
//
//	signal ──▶ worker drains ──▶ its end interrupts HTTP, the watch over etcd, what says "ready"
//	                             then nats-server and etcd end
func (d *dev) run(ctx context.Context, stdout, stderr io.Writer) error {
	log, _, err := settings.NewLog(stderr, d.log)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	cfg := settings.Default()
	var src settings.Source
	if d.config != "" {
		if src, err = cfg.Load(d.config); err != nil {
			return err
		}
		if unused := src.SaysOf("nats", "etcd", "http", "log", "state_dir", "drain_timeout"); len(unused) > 0 {
			fmt.Fprintf(stderr, "seqd: dev does not use %s of %s: it has its own\n", strings.Join(unused, ", "), d.config)
		}
	}
	unlock, err := embedded.LockDataDir(d.dir)
	if err != nil {
		return err
	}
	defer unlock()
	httpListener, err := embedded.Listen("http", d.httpPort)
	if err != nil {
		return err
	}
	defer httpListener.Close()
	nats, err := embedded.StartNATS(embedded.NATS{Name: "seqd-dev", Port: d.natsPort, StoreDir: d.dir})
	if err != nil {
		return err
	}
	defer nats.Stop()
	etcd, err := embedded.StartEtcd(ctx, d.dir, d.etcdPort)
	if err != nil {
		return err
	}
	defer etcd.Stop()

	cfg.NATS = settings.NATS{URL: nats.URL}
	cfg.Etcd = settings.Etcd{Endpoints: []string{strings.TrimPrefix(etcd.URL, "http://")}, Prefix: cfg.Etcd.Prefix, DialTimeout: cfg.Etcd.DialTimeout}
	cfg.DrainTimeout = drainTimeout
	cfg.StateDir = filepath.Join(d.dir, "state")
	cfg.HTTP = settings.NoHTTP // ours listens already
	clusters, err := cfg.Check(src)
	if err != nil {
		return err
	}
	w, err := serve.Open(ctx, &cfg, clusters, serve.Options{Log: log, OwnEtcd: true})
	if err != nil {
		return err
	}
	defer w.Close()
	ready := fmt.Sprintf("ready nats=%s etcd=%s http=http://%s\n%s\n", nats.URL, etcd.URL, httpListener.Addr(), d.hint(nats.URL, clusters))

	var g actor.Group
	p := w.Page(&cfg, httpListener.Addr(), true)
	if p != nil {
		g.Add(p.Run)
	}
	g.Add(actor.HTTP(w.HTTP(cfg.Pprof || d.pprof, p), httpListener))
	g.Add(etcd.Wait)
	g.Add(announce(w.Ready(), ready, stdout))
	return g.Run(ctx, w.Run)
}

// announce is the actor that says when ids can be asked for.
func announce(ready <-chan struct{}, text string, stdout io.Writer) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-ready:
			fmt.Fprint(stdout, text)
			<-ctx.Done()
		case <-ctx.Done():
		}
		return nil
	}
}

// hint returns a request to paste into a second shell, for a store that is served.
func (d *dev) hint(natsURL string, clusters []settings.Cluster) string {
	program := "seqd"
	if exe, err := os.Executable(); err != nil || strings.Contains(exe, "go-build") {
		program = "go run ./cmd/seqd" // that is how we were started
	}
	hint := fmt.Sprintf("try: %s next %s key666 -n 10", program, someStore(clusters))
	if d.natsPort != 4222 {
		hint += " --nats-url " + natsURL
	}
	return hint
}

// someStore returns demo if it is served, be it as one of all, or else the first
// store.
func someStore(clusters []settings.Cluster) string {
	const demo = "demo"
	first := ""
	for _, c := range clusters {
		for _, st := range c.Stores {
			switch {
			case st.Name == demo || st.Name == subjects.AnyStore:
				return demo
			case first == "" || st.Name < first:
				first = st.Name
			}
		}
	}
	return first
}
