// Package admin is `seqd admin`: it looks at the counters in etcd, and raises them.
package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/cmd/seqd/advice"
	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/subjects"
)

// Command is `seqd admin`.
func Command(stdin *os.File, stdout, stderr io.Writer) *ffcli.Command {
	c := &ffcli.Command{
		Name:       "admin",
		ShortUsage: "seqd admin COMMAND [flags]",
		ShortHelp:  "look at the counters in etcd, and raise them",
		LongHelp: "example:\n" +
			"  seqd admin ls\n" +
			"\n" +
			"Reads and writes the counters in etcd, with the workers' configuration and credentials. It does not\n" +
			"matter whether workers run. No command ever lowers a counter.",
		FlagSet: flag.NewFlagSet("seqd admin", flag.ContinueOnError),
		Subcommands: []*ffcli.Command{
			lsCommand(stdout),
			peekCommand(stdout),
			raiseCommand(stdout),
			importCommand(stdin, stdout, stderr),
			jumpCommand(stdout),
		},
	}
	c.Exec = func(_ context.Context, args []string) error { return cmdline.WhichCommand(c, args) }
	return c
}

// admin is what the admin commands have in common: where the counters are, and
// how to print.
type admin struct {
	cfg    settings.Config
	file   string
	format string

	clusters []place
	print    *printer
}

// place is an etcd cluster with a prefix, and the stores kept there.
type place struct {
	settings.Cluster
	*operate.Admin
	close func()
}

func newAdmin(fs *flag.FlagSet) *admin {
	a := &admin{cfg: settings.Default()}
	fs.StringVar(&a.file, "config", "", "the workers' configuration `FILE` (YAML)")
	a.cfg.Etcd.Flags(fs)
	cmdline.ChoiceVar(fs, &a.format, "format", "text", "a table, or a JSON object for each counter", "text", "json")
	return a
}

// run reads the command line, connects, and calls f with the words.
func (a *admin) run(ctx context.Context, fs *flag.FlagSet, args []string, takes cmdline.Takes, stdout io.Writer, f func(ctx context.Context, words []string) error) error {
	rest, err := takes.Parse(fs, args)
	if err != nil {
		return err
	}
	src, err := a.cfg.Settle(fs, &a.file)
	if err != nil {
		return err
	}
	if a.format != "text" && a.format != "json" {
		return cmdline.UsageError(fmt.Sprintf("--format must be text or json, not %q", a.format))
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	a.print = newPrinter(stdout, a.format == "json")
	a.print.label, a.print.exhausted = a.label, a.exhausted
	err = a.open(ctx, src)
	defer a.close()
	if err == nil {
		err = f(ctx, rest)
	}
	if err := a.print.flush(); err != nil {
		return err
	}
	if hint := advice.For(err); hint != "" {
		return fmt.Errorf("%w; %s", err, hint)
	}
	if errors.Is(err, allocator.ErrUnavailable) {
		return fmt.Errorf("%w; look at --etcd-endpoints, the user's permissions, and etcd's alarms", err)
	}
	return err
}

// open connects to every cluster that the configuration names.
func (a *admin) open(ctx context.Context, src settings.Source) error {
	clusters, err := a.cfg.Clusters(src)
	if err != nil {
		return err
	}
	for _, c := range clusters {
		i := slices.IndexFunc(a.clusters, func(other place) bool {
			return record.SamePlace(other.Etcd.Prefix, other.Etcd.Endpoints, c.Etcd.Prefix, c.Etcd.Endpoints)
		})
		if i >= 0 { // reached in two ways, as by two users: the counters are the same
			a.clusters[i].Stores = append(a.clusters[i].Stores, c.Stores...)
			continue
		}
		client, err := c.Etcd.Dial(ctx, slog.Default())
		if err != nil {
			return err
		}
		a.clusters = append(a.clusters, place{Cluster: c, Admin: operate.New(client, c.Etcd.Prefix).Telling(a.waits), close: func() { client.Close() }})
	}
	return nil
}

func (a *admin) close() {
	for _, c := range a.clusters {
		c.close()
	}
}

// calendarOf returns the rule of a key, if it has periods.
func (p place) calendarOf(key allocator.Key) calendar {
	if rule := p.Rule(key); rule != nil && rule.Periodic() {
		return rule
	}
	return nil
}

// of returns the cluster that a store's counters are in.
func (a *admin) of(store string) (place, error) {
	if err := subjects.CheckToken("store", store); err != nil {
		return place{}, cmdline.UsageError(settings.TextOf(err))
	}
	var names []string
	for _, name := range []string{store, subjects.AnyStore} {
		for _, c := range a.clusters {
			for _, s := range c.Stores {
				if s.Name == name {
					return c, nil
				}
				names = append(names, s.Name)
			}
		}
	}
	return place{}, fmt.Errorf("store %q is not configured in %s%s", store, a.file, cmdline.DidYouMean(store, names))
}

// counter returns the counter that two words name, and the cluster it is in.
func (a *admin) counter(store, text string) (place, allocator.Key, error) {
	c, err := a.of(store)
	if err != nil {
		return c, allocator.Key{}, err
	}
	name, err := subjects.Escape(text)
	if err != nil {
		return c, allocator.Key{}, cmdline.UsageError(settings.TextOf(err))
	}
	return c, allocator.Key{Store: store, Name: name}, nil
}

// noRecord says what etcd's error says in the words of the command line.
func noRecord(err error, store, key string) error {
	if errors.Is(err, operate.ErrNoRecord) {
		return fmt.Errorf("no counter of key %q in store %q: nothing was issued yet, or it is kept elsewhere; see: seqd admin ls", key, store)
	}
	return err
}
