package doctor

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os/signal"
	"syscall"
	"time"

	"github.com/peterbourgon/ff/v3/ffcli"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/cmd/seqd/version"
)

// Command is `seqd doctor`.
func Command(stdout io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd doctor", flag.ContinueOnError)
	q := query{cfg: settings.Default()}
	file := fs.String("config", "", "the workers' configuration `FILE` (YAML)")
	fs.BoolVar(&q.json, "json", false, "print one JSON document")
	fs.DurationVar(&q.timeout, "timeout", 30*time.Second, "how long all of it may take")
	fs.StringVar(&q.monitor, "nats-monitor", "", "`URL` of a nats-server's monitoring port, to look at its settings as well")
	q.cfg.Flags(fs)
	return &ffcli.Command{
		Name:       "doctor",
		ShortUsage: "seqd doctor [--config FILE] [flags]",
		ShortHelp:  "look at everything that a worker needs, and say what to do",
		LongHelp: "example:\n" +
			"  seqd doctor --config /etc/seqd/seqd.yaml\n" +
			"\n" +
			"Takes the flags, variables and file that seqd worker takes, connects as a worker would, and looks at\n" +
			"everything that a worker needs. It prints a line for each thing: ok, warn, fail, or skip where it can't\n" +
			"look. Below a line that is not ok it says what to do. It takes no ids, and writes nothing to etcd.\n" +
			"It exits 1 if something failed. Warnings do not count.",
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			clusters, err := q.cfg.Read(fs, file, args)
			if err != nil {
				return err
			}
			if q.timeout <= 0 {
				return cmdline.UsageError(fmt.Sprintf("--timeout must be more than 0, not %v", q.timeout))
			}
			if u, err := url.Parse(q.monitor); q.monitor != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
				return cmdline.UsageError("--nats-monitor must be a URL like http://127.0.0.1:8222") // not shown: it may hold a password
			}
			return q.run(ctx, clusters, stdout)
		},
	}
}

// query is what `seqd doctor` was asked for.
type query struct {
	cfg     settings.Config
	json    bool
	timeout time.Duration
	monitor string
}

func (q *query) run(ctx context.Context, clusters []settings.Cluster, stdout io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, q.timeout, fmt.Errorf("--timeout of %v has passed", q.timeout))
	defer cancel()
	config := Config{
		Version: version.String(),
		Root:    q.cfg.Root,
		NATS:    q.cfg.NATS.Where(),
		Connect: q.cfg.NATS.Connect,
		Monitor: q.monitor,
	}
	for _, c := range clusters {
		config.Stores = append(config.Stores, c.Stores...)
		e := q.etcd(c)
		if len(clusters) > 1 {
			e.Name = c.Name() + " " + e.Prefix
		}
		config.Etcds = append(config.Etcds, e)
	}
	var writing error
	if !q.json {
		config.Found = func(f Finding) {
			if err := f.WriteLine(stdout); writing == nil {
				writing = err
			}
		}
	}
	report := Examine(ctx, config)
	if q.json {
		writing = report.WriteJSON(stdout)
	}
	switch {
	case writing != nil:
		return writing
	case !report.OK:
		return fmt.Errorf("%d of %d checks failed", report.Failed, len(report.Findings))
	}
	return nil
}

func (q *query) etcd(c settings.Cluster) Etcd {
	e := Etcd{
		Endpoints: c.Etcd.Endpoints,
		Prefix:    c.Etcd.Prefix,
		User:      c.Etcd.User(),
		Stores:    c.Stores,
		Dial: func(ctx context.Context, endpoints []string) (*clientv3.Client, error) {
			one := c.Etcd
			one.Endpoints = endpoints
			return one.Dial(ctx, slog.New(slog.DiscardHandler))
		},
	}
	if c.Etcd.TLS != (settings.TLS{}) {
		e.TLS = c.Etcd.TLS.Client
	}
	e.StateDir, e.FenceDir = q.cfg.StateDirs()
	return e
}
