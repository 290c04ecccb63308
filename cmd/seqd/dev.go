//go:build !lean

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nuid"
	"github.com/oklog/run"
	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/worker"
)

// devDrainTimeout keeps Ctrl-C to exit within five seconds.
const devDrainTimeout = 3 * time.Second

func devCommand(stdout, stderr io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd dev", flag.ContinueOnError)
	d := dev{}
	fs.StringVar(&d.dir, "data-dir", "./seqd-data", "`FOLDER` the data are kept in")
	fs.IntVar(&d.natsPort, "nats-port", 4222, "`PORT` of nats-server; 0 picks a free one")
	fs.IntVar(&d.etcdPort, "etcd-port", 2379, "`PORT` of etcd; 0 picks a free one")
	fs.IntVar(&d.httpPort, "http-port", 8280, "`PORT` of /livez, /readyz and /metrics; 0 picks a free one")
	fs.BoolVar(&d.pprof, "pprof", false, "serve Go's profiles at /debug/pprof/")
	fs.StringVar(&d.config, "config", "", "configuration `FILE` (YAML), for the stores' rules")
	fs.StringVar(&d.log.Level, "log-level", "warn", "debug, info, warn or error")
	fs.StringVar(&d.log.Format, "log-format", "text", "text or json")
	return &ffcli.Command{
		Name:       "dev",
		ShortUsage: "seqd dev [flags]",
		ShortHelp:  "nats-server, etcd and a worker in one process, to try seqd",
		LongHelp: "Starts all three on loopback and serves every store name. nats-server has JetStream. Data are\n" +
			"kept: started again, ids go on. Ctrl-C ends it.",
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			if err := noWords(fs, args); err != nil {
				return err
			}
			if err := settle(fs, nil); err != nil {
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
	log                          logConfig
}

// run runs the servers and a worker until a signal.
//
//	signal ──▶ worker ──▶ HTTP, nats-server, etcd (end when the worker has drained)
func (d *dev) run(ctx context.Context, stdout, stderr io.Writer) error {
	log, _, err := newLog(stderr, d.log)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	cfg := defaultConfig()
	var src source
	if d.config != "" {
		if src, err = cfg.load(d.config); err != nil {
			return err
		}
		cfg.trimSecrets()
		if unused := src.saysOf("nats", "etcd", "http", "log", "state_dir", "drain_timeout"); len(unused) > 0 {
			fmt.Fprintf(stderr, "seqd: dev does not use %s of %s: it has its own\n", strings.Join(unused, ", "), d.config)
		}
	}
	unlock, err := lockDataDir(d.dir)
	if err != nil {
		return err
	}
	defer unlock()
	httpListener, err := listen("http", d.httpPort)
	if err != nil {
		return err
	}
	defer httpListener.Close()
	nats, err := startNATS(d.natsPort, d.dir)
	if err != nil {
		return err
	}
	defer nats.stop()
	etcd, err := startEtcd(ctx, d.dir, d.etcdPort)
	if err != nil {
		return err
	}
	defer etcd.stop()

	cfg.NATS = natsConfig{URL: nats.url}
	cfg.Etcd = etcdConfig{Endpoints: []string{strings.TrimPrefix(etcd.url, "http://")}, Prefix: cfg.Etcd.Prefix, DialTimeout: cfg.Etcd.DialTimeout}
	cfg.DrainTimeout = devDrainTimeout
	cfg.StateDir, cfg.privateState = filepath.Join(d.dir, "state"), true
	cfg.HTTP = noHTTP // ours listens already
	clusters, err := cfg.check(src)
	if err != nil {
		return err
	}
	id := nuid.Next()
	log = log.With("worker", id) // as discovery, top, doctor and etcd's records name it
	etcds, err := cfg.openBackends(ctx, clusters, id, log)
	if err != nil {
		return err
	}
	defer etcds.close()
	var g run.Group
	drained := make(chan struct{})
	config := cfg.worker(id, etcds, log)
	if err := cfg.addTracing(&g, ctx, &config, drained); err != nil {
		return err
	}
	w, err := worker.New(config)
	if err != nil {
		return err
	}
	addWorker(&g, ctx, w, drained)
	httpServer := newHTTP(w, etcds.metrics(w), cfg.Pprof || d.pprof)
	g.Add(func() error { return serveHTTP(httpServer, httpListener, drained) }, func(error) {})
	g.Add(func() error { return etcd.wait(drained) }, func(error) {})
	g.Add(func() error { // says when ids can be asked for
		select {
		case <-w.Ready():
			fmt.Fprintf(stdout, "ready nats=%s etcd=%s http=http://%s\n%s\n", nats.url, etcd.url, httpListener.Addr(), d.hint(nats.url))
		case <-drained:
		}
		<-drained
		return nil
	}, func(error) {})
	return g.Run()
}

// hint returns a request to paste into a second shell.
func (d *dev) hint(natsURL string) string {
	program := "seqd"
	if exe, err := os.Executable(); err != nil || strings.Contains(exe, "go-build") {
		program = "go run ./cmd/seqd" // that is how we were started
	}
	hint := fmt.Sprintf("try: %s next demo key666 -n 10", program)
	if d.natsPort != 4222 {
		hint += " --nats-url " + natsURL
	}
	return hint
}

// listen listens on a loopback port; name is the flag's.
func listen(name string, port int) (net.Listener, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, fmt.Errorf("%s port %d can't be listened on: %w; choose another with --%s-port (0 picks a free one)", name, port, err, name)
	}
	return l, nil
}
