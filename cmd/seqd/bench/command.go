package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/cmd/seqd/fleet"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/subjects"
)

// Command is `seqd bench`.
func Command(stdout, stderr io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd bench", flag.ContinueOnError)
	q := benchQuery{store: Store, key: "key"}
	cmdline.ChoiceVar(fs, &q.mode, "mode", "", "whether ids are strong or weak (default the store's mode)", "strong", "weak")
	fs.IntVar(&q.callers, "callers", 256, "how many callers ask at the same time; each asks again as soon as it has its answer")
	fs.IntVar(&q.keys, "keys", 1, "how many keys to ask for; several are called KEY.0, KEY.1 and so on")
	fs.IntVar(&q.n, "n", 1, "`COUNT` of ids in one request")
	fs.IntVar(&q.connections, "connections", 1, "how many connections to NATS the callers share")
	fs.DurationVar(&q.duration, "duration", 10*time.Second, "how long to measure")
	fs.DurationVar(&q.timeout, "timeout", 5*time.Second, "how long to wait for one answer")
	fs.BoolVar(&q.json, "json", false, "print JSON, with rates per second and latencies in µs")
	settings.RootFlag(fs, &q.root)
	q.nats.Flags(fs)
	q.embedded.flags(fs)
	return &ffcli.Command{
		Name:       "bench",
		ShortUsage: "seqd bench [STORE KEY] [flags]",
		ShortHelp:  "measure how fast ids come, and check every one",
		LongHelp: fmt.Sprintf("example:\n"+
			"  seqd bench --callers 64 --duration 5s\n"+
			"  seqd bench --embedded --mode strong\n\n"+
			"Asks a running system for ids and prints rates and latencies. The ids are spent. They are ids of\n"+
			"KEY in STORE: of %q in %q unless you name others. Every id is checked. If one comes twice, or out\n"+
			"of order in strong mode, the command ends with exit code 1. Ctrl-C ends it early.", q.key, q.store),
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			rest, err := cmdline.Takes{Names: []string{"STORE", "KEY"}}.Parse(fs, args)
			if err != nil {
				return err
			}
			if len(rest) == 1 { // perhaps meant as a command
				return cmdline.UsageError(fmt.Sprintf("%q is no command of bench; if it is a store, KEY is missing; for example: seqd bench orders invoice, or: seqd bench compare", rest[0]))
			}
			if err := q.together(fs); err != nil {
				return err
			}
			if err := settings.SettleFlags(fs); err != nil {
				return err
			}
			if len(rest) > 0 {
				q.store, q.key = rest[0], rest[1]
			}
			return q.run(ctx, stdout, stderr)
		},
		Subcommands: []*ffcli.Command{compareCommand(stdout, stderr), deployedCommand(stdout, stderr), echoCommand(stdout)},
	}
}

// benchQuery is what `seqd bench` was asked for.
type benchQuery struct {
	store, key    string
	mode          string
	callers, keys int
	n             int
	connections   int
	duration      time.Duration
	timeout       time.Duration
	json          bool
	root          string
	nats          settings.NATS
	embedded      embeddedBench
}

func (q *benchQuery) run(ctx context.Context, stdout, stderr io.Writer) error {
	peer, settings, err := q.settings()
	if err != nil {
		return err
	}
	ctx, stop := untilSignal(ctx)
	defer stop()
	settings.Progress = cmdline.Terminal(stdout, q.json)
	peer.Connect = q.connect
	if q.embedded.on() {
		servers, err := q.embedded.start(ctx, q.root, stderr)
		if err != nil {
			return err
		}
		defer servers.close()
		peer.Connect, peer.Workers, peer.Leased = At(servers.natsURL()), q.embedded.workers, q.embedded.leased()
		settings.Between, settings.Machine = servers.compact, servers.machine
	}
	report, err := Run(ctx, peer, settings)
	if errors.Is(err, nats.ErrNoResponders) {
		err = q.nobody(ctx, err)
	}
	if report == nil {
		return err
	}
	write := report.Write
	if q.json {
		write = func(w io.Writer) error { return WriteJSON(w, report) }
	}
	return errors.Join(err, write(stdout))
}

// nobody says why nobody answers, or what to try.
func (q *benchQuery) nobody(ctx context.Context, err error) error {
	if nc, e := q.connect(nats.Name("seqd bench")); e == nil {
		defer nc.Close()
		if why := fleet.WhyNobody(ctx, nc, q.timeout, q.root, q.store); why != "" {
			return fmt.Errorf("%w; %s", err, why)
		}
	}
	return fmt.Errorf("%w; start a worker, as seqd dev does, or name a store that is served", err)
}

// together refuses flags that would be dropped: some need --embedded, some have no
// meaning with it.
func (q *benchQuery) together(fs *flag.FlagSet) (err error) {
	fs.Visit(func(f *flag.Flag) {
		switch {
		case !q.embedded.on() && (f.Name == "workers" || f.Name == "lease" || f.Name == "data-dir"):
			err = cmdline.UsageError(cmdline.Dashed(f.Name) + " needs --embedded beside it, as it says how the servers are started")
		case q.embedded.on() && strings.HasPrefix(f.Name, "nats-"):
			err = cmdline.UsageError(cmdline.Dashed(f.Name) + " and --embedded exclude each other, as --embedded starts its own nats-server")
		}
	})
	return err
}

// connect connects to the running system.
func (q *benchQuery) connect(options ...nats.Option) (*nats.Conn, error) {
	return q.nats.Connect(append(options, nats.Timeout(q.timeout))...)
}

// settings checks what was asked for.
func (q *benchQuery) settings() (*Seqd, Settings, error) {
	for _, least := range []struct {
		name  string
		value int
	}{{"--callers", q.callers}, {"--keys", q.keys}, {"-n", q.n}, {"--connections", q.connections}} {
		if least.value < 1 {
			return nil, Settings{}, cmdline.UsageError(fmt.Sprintf("%s must be at least 1, not %d", least.name, least.value))
		}
	}
	if q.n > subjects.MaxN {
		return nil, Settings{}, cmdline.UsageError(fmt.Sprintf("-n must be at most %d", int64(subjects.MaxN)))
	}
	if q.duration <= 0 || q.timeout <= 0 {
		return nil, Settings{}, cmdline.UsageError("--duration and --timeout must be more than 0")
	}
	mode := subjects.DefaultMode
	if q.mode != "" {
		var err error
		if mode, err = subjects.ParseMode(q.mode); err != nil {
			return nil, Settings{}, cmdline.UsageError("--" + settings.TextOf(err))
		}
	}
	for what, token := range map[string]string{"root": q.root, "store": q.store} {
		if err := subjects.CheckToken(what, token); err != nil {
			return nil, Settings{}, cmdline.UsageError(settings.TextOf(err))
		}
	}
	keys, err := benchKeys(q.key, q.keys)
	if err != nil {
		return nil, Settings{}, err
	}
	peer := &Seqd{
		ID: "seqd", Name: fmt.Sprintf("seqd %s.%s.%s in %s", q.root, q.store, keys[0], modeText(q.mode)),
		Root: q.root, Store: q.store, Mode: mode, N: q.n,
	}
	return peer, Settings{
		Load:     Load{Callers: q.callers, Keys: q.keys},
		Wiring:   Wiring{Keys: keys, Connections: q.connections, Timeout: q.timeout},
		Duration: q.duration,
		Machine:  ThisMachine(false),
	}, nil
}

func modeText(mode string) string {
	if mode == "" {
		return "the store's mode"
	}
	return "mode " + mode
}

// benchKeys returns key, or as many as n below it.
func benchKeys(key string, n int) ([]string, error) {
	keys := make([]string, n)
	for i := range keys {
		text := key
		if n > 1 {
			text = fmt.Sprintf("%s.%d", key, i)
		}
		escaped, err := subjects.Escape(text)
		if err != nil {
			return nil, cmdline.UsageError(settings.TextOf(err))
		}
		keys[i] = escaped
	}
	return keys, nil
}

// untilSignal returns a context that the first signal ends, so that what was
// measured can be printed. A second one ends the process.
func untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
