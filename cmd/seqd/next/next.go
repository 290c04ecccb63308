// Package next is `seqd next`.
package next

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/peterbourgon/ff/v3/ffcli"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/cmd/seqd/fleet"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/subjects"
)

// Command is `seqd next`.
func Command(stdout, stderr io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd next", flag.ContinueOnError)
	q := query{}
	fs.IntVar(&q.n, "n", 1, "`COUNT` of ids to ask for")
	cmdline.ChoiceVar(fs, &q.mode, "mode", "", "whether ids are strong or weak (default the store's mode)", "strong", "weak")
	fs.StringVar(&q.idempotencyKey, "idempotency-key", "", "`TEXT` of at most 64 bytes that names this request; a request with the same TEXT within the store's window gets the same ids")
	fs.DurationVar(&q.timeout, "timeout", 2*time.Second, "how long to try")
	cmdline.ChoiceVar(fs, &q.format, "format", "text", "one id or number a line, or the answer as JSON", "text", "json")
	settings.RootFlag(fs, &q.root)
	q.nats.Flags(fs)
	return &ffcli.Command{
		Name:       "next",
		ShortUsage: "seqd next STORE KEY [flags]",
		ShortHelp:  "ask for ids",
		LongHelp: "example:\n" +
			"  seqd next orders invoice -n 3\n" +
			"  seqd next orders invoice --mode strong --idempotency-key payment-4711\n" +
			"\n" +
			"Asks for the next ids of KEY in STORE, and prints them one a line. Where the store or the key is\n" +
			"configured to have numbers, such as INV-2026-000042, it prints those instead.\n" +
			"KEY is any text. A period in it separates its parts.\n" +
			"With --idempotency-key you may repeat a request that may have been answered already. If it was,\n" +
			"seqd prints the same ids again and says so on stderr.",
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			rest, err := cmdline.Takes{Names: []string{"STORE", "KEY"}, Required: 2, Example: "seqd next orders invoice"}.Parse(fs, args)
			if err != nil {
				return err
			}
			if err := settings.SettleFlags(fs); err != nil {
				return err
			}
			q.store, q.key = rest[0], rest[1]
			fs.Visit(func(f *flag.Flag) {
				if f.Name == "idempotency-key" {
					q.keyed = true
				}
			})
			return q.run(ctx, stdout, stderr)
		},
	}
}

// query is what `seqd next` was asked for.
type query struct {
	store, key string
	n          int
	mode       string
	timeout    time.Duration

	idempotencyKey string
	keyed          bool // the flag was given: an empty variable of a script's is an error

	format string
	root   string
	nats   settings.NATS
}

// noWorkersPatience leaves room for a worker that is just restarting, and
// tells within a second that none is there.
const noWorkersPatience = 500 * time.Millisecond

func (q *query) run(ctx context.Context, stdout, stderr io.Writer) error {
	options, err := q.options()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	nc, err := q.nats.Connect(nats.Name("seqd next"), nats.Timeout(q.timeout),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // what is refused, errors tell
	if err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	defer nc.Close()
	client, err := seqd.New(nc, options...)
	if err != nil {
		return err
	}
	got, err := q.ask(ctx, client)
	if errors.Is(err, seqd.ErrNoWorkers) && ctx.Err() == nil {
		if why := fleet.WhyNobody(ctx, nc, q.timeout, q.root, q.store); why != "" {
			err = fmt.Errorf("next: store %.80q key %.80q: %w; %s", q.store, q.key, seqd.ErrNoWorkers, why)
		}
	}
	if err != nil {
		return err
	}
	if got.Replayed {
		fmt.Fprintf(stderr, "seqd next: the same answer again: an earlier request with the idempotency key %q had got it\n", q.idempotencyKey)
	}
	return q.print(stdout, got)
}

// ask asks for ids with their numbers. More ids than can have numbers are asked for
// alone: a worker refuses that for keys that have some.
func (q *query) ask(ctx context.Context, client *seqd.Client) (seqd.Numbers, error) {
	var options []seqd.Option
	if q.keyed {
		options = append(options, seqd.WithIdempotencyKey(q.idempotencyKey))
	}
	if q.n <= subjects.MaxNumbers {
		return client.Numbers(ctx, q.store, q.key, q.n, options...)
	}
	ids, err := client.NextN(ctx, q.store, q.key, q.n, options...)
	return seqd.Numbers{Range: ids}, err
}

func (q *query) print(stdout io.Writer, got seqd.Numbers) error {
	if q.format == "json" {
		reply := subjects.Reply{ID: got.First, N: got.N, Period: got.Period, Numbers: got.Numbers}
		_, err := fmt.Fprintf(stdout, "%s\n", reply.Append(nil, subjects.JSON))
		return err
	}
	for _, number := range got.Numbers {
		if _, err := fmt.Fprintln(stdout, cmdline.Plain(number)); err != nil {
			return err
		}
	}
	if len(got.Numbers) > 0 {
		return nil
	}
	for id := range got.All() {
		if _, err := fmt.Fprintln(stdout, id); err != nil {
			return err
		}
	}
	return nil
}

func (q *query) options() ([]seqd.Option, error) {
	if q.n < 1 {
		return nil, cmdline.UsageError(fmt.Sprintf("-n must be at least 1, not %d", q.n))
	}
	for what, token := range map[string]string{"root": q.root, "store": q.store} {
		if err := subjects.CheckToken(what, token); err != nil {
			return nil, cmdline.UsageError(settings.TextOf(err))
		}
	}
	if _, err := subjects.Escape(q.key); err != nil {
		return nil, cmdline.UsageError(settings.TextOf(err))
	}
	if q.format != "text" && q.format != "json" {
		return nil, cmdline.UsageError(fmt.Sprintf("--format must be text or json, not %q", q.format))
	}
	if n := len(q.idempotencyKey); q.keyed && (n == 0 || n > subjects.MaxIdempotencyKeyLen) {
		return nil, cmdline.UsageError(fmt.Sprintf("--idempotency-key must have 1 to %d bytes, not %d", subjects.MaxIdempotencyKeyLen, n))
	}
	if q.timeout <= 0 {
		return nil, cmdline.UsageError(fmt.Sprintf("--timeout must be more than 0, not %v", q.timeout))
	}
	options := []seqd.Option{
		seqd.WithRoot(q.root),
		seqd.WithTimeout(q.timeout),
		seqd.WithNoRespondersPatience(min(noWorkersPatience, q.timeout)),
	}
	if q.mode != "" {
		mode, err := subjects.ParseMode(q.mode)
		var bad *subjects.Error
		if errors.As(err, &bad) {
			return nil, cmdline.UsageError("--" + bad.Text)
		}
		options = append(options, seqd.WithMode(mode))
	}
	return options, nil
}
