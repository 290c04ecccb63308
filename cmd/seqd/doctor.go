package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/peterbourgon/ff/v3/ffcli"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/cmd/seqd/doctor"
)

func doctorCommand(stdout io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd doctor", flag.ContinueOnError)
	q := doctorQuery{cfg: defaultConfig()}
	file := fs.String("config", "", "the workers' configuration `FILE` (YAML)")
	fs.BoolVar(&q.json, "json", false, "one JSON document in place of lines")
	fs.DurationVar(&q.timeout, "timeout", 30*time.Second, "bound on the whole")
	fs.StringVar(&q.monitor, "nats-monitor", "", "`URL` of a nats-server's monitoring, to look at its settings")
	q.cfg.flags(fs)
	return &ffcli.Command{
		Name:       "doctor",
		ShortUsage: "seqd doctor [--config FILE] [flags]",
		ShortHelp:  "look at everything a worker needs, and say what to do: exit 0 if nothing failed",
		LongHelp: "Takes what seqd worker takes, connects as it would, and reports a line for each thing it looks\n" +
			"at: ok, warn, fail, or skip for what can't be looked at; below it, what to do. It takes no ids\n" +
			"and writes nothing to etcd. Exit 1 if something failed; warnings don't count.",
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			clusters, err := settleConfig(fs, &q.cfg, file, args)
			if err != nil {
				return err
			}
			if q.timeout <= 0 {
				return usageError(fmt.Sprintf("--timeout must be more than 0, not %v", q.timeout))
			}
			if u, err := url.Parse(q.monitor); q.monitor != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
				return usageError("--nats-monitor must be a URL like http://127.0.0.1:8222") // not shown: it may hold a password
			}
			return q.run(ctx, clusters, stdout)
		},
	}
}

// doctorQuery is what `seqd doctor` was asked for.
type doctorQuery struct {
	cfg     config
	json    bool
	timeout time.Duration
	monitor string
}

func (q *doctorQuery) run(ctx context.Context, clusters []cluster, stdout io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, q.timeout, fmt.Errorf("--timeout of %v has passed", q.timeout))
	defer cancel()
	config := doctor.Config{
		Version: version(),
		Root:    q.cfg.Root,
		NATS:    q.cfg.NATS.where(),
		Connect: q.cfg.NATS.connect,
		Monitor: q.monitor,
	}
	for _, c := range clusters {
		config.Stores = append(config.Stores, c.stores...)
		e := q.etcd(c)
		if len(clusters) > 1 {
			e.Name = c.name() + " " + e.Prefix
		}
		config.Etcds = append(config.Etcds, e)
	}
	var writing error
	if !q.json {
		config.Found = func(f doctor.Finding) {
			if err := f.WriteLine(stdout); writing == nil {
				writing = err
			}
		}
	}
	report := doctor.Examine(ctx, config)
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

func (q *doctorQuery) etcd(c cluster) doctor.Etcd {
	e := doctor.Etcd{
		Endpoints: c.etcd.Endpoints,
		Prefix:    c.etcd.Prefix,
		User:      c.etcd.user(),
		Stores:    c.stores,
		Dial: func(ctx context.Context, endpoints []string) (*clientv3.Client, error) {
			one := c.etcd
			one.Endpoints = endpoints
			return dialEtcd(ctx, one, slog.New(slog.DiscardHandler))
		},
	}
	if c.etcd.TLS != (tlsConfig{}) {
		e.TLS = c.etcd.TLS.client
	}
	e.StateDir, e.FenceDir = q.cfg.stateDirs()
	return e
}

// user returns the name that etcd knows us by: the configured one, or the one in
// the client's certificate; "" for none.
func (c etcdConfig) user() string {
	if c.Username != "" || c.TLS.Cert == "" {
		return c.Username
	}
	data, err := os.ReadFile(c.TLS.Cert)
	if err != nil {
		return ""
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return ""
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return ""
	}
	return cert.Subject.CommonName
}

// where says where NATS is, without secrets.
func (c *natsConfig) where() string {
	if c.Context != "" {
		return "NATS context " + c.Context
	}
	var all []string
	for _, one := range strings.Split(c.url(), ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil || u.Host == "" {
			all = append(all, one[strings.LastIndex(one, "@")+1:])
			continue
		}
		u.User = nil
		all = append(all, u.String())
	}
	return strings.Join(all, ",")
}
