package top

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/cmd/seqd/fleet"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/internal/backoff"
)

// Command is `seqd top`.
func Command(stdout io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd top", flag.ContinueOnError)
	q := query{}
	fs.DurationVar(&q.interval, "interval", 2*time.Second, "time from one poll of the workers to the next")
	cmdline.ChoiceVar(fs, &q.sort, "sort", "requests", "the column that the rows are sorted by", Orders()...)
	fs.BoolVar(&q.once, "once", false, "print one table, made from two polls, and end; without a terminal this is what happens anyway")
	fs.BoolVar(&q.json, "json", false, "print a JSON object for each poll, one a line; with --once only one")
	q.nats.Flags(fs)
	return &ffcli.Command{
		Name:       "top",
		ShortUsage: "seqd top [flags]",
		ShortHelp:  "watch what the workers do",
		LongHelp: "example:\n" +
			"  seqd top\n" +
			"  seqd top --once --json\n" +
			"\n" +
			"Shows every worker that NATS reaches and every store, by the figures that workers give about\n" +
			"themselves ($SRV.STATS). MEAN is the average time from the arrival of a request to its answer, in\n" +
			"the interval. Where stores have leases, it also shows the keys that a worker owns, how much of its\n" +
			"lease is left, and how many requests it has handed over to other owners.\n" +
			"While it runs, s sorts by the next column, and q or Ctrl-C ends it.",
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			if err := cmdline.NoWords(fs, args); err != nil {
				return err
			}
			if err := settings.SettleFlags(fs); err != nil {
				return err
			}
			if q.interval <= 0 {
				return cmdline.UsageError(fmt.Sprintf("--interval must be more than 0, not %v", q.interval))
			}
			if !slices.Contains(Orders(), q.sort) {
				return cmdline.UsageError(fmt.Sprintf("--sort must be one of %s, not %q", strings.Join(Orders(), ", "), q.sort))
			}
			return q.run(ctx, stdout)
		},
	}
}

// query is what `seqd top` was asked for.
type query struct {
	interval time.Duration
	sort     string
	once     bool
	json     bool
	nats     settings.NATS

	tracker Tracker // polls'
}

func (q *query) run(ctx context.Context, stdout io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	nc, err := q.nats.Connect(nats.Name("seqd top"), nats.Timeout(2*time.Second), nats.MaxReconnects(-1), nats.ReconnectWait(200*time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // a refusal comes back with the poll
	if err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	defer nc.Close()
	screen := cmdline.Terminal(stdout, q.json)
	switch {
	case q.once, screen == nil && !q.json:
		err = q.runOnce(ctx, nc, stdout)
	case q.json:
		err = q.runLines(ctx, nc, stdout)
	default:
		err = q.runLive(ctx, nc, screen.(*os.File))
	}
	if errors.Is(err, nats.ErrPermissionViolation) {
		err = fmt.Errorf("%w; allow this user to publish to \"$SRV.>\"", err)
	}
	return err
}

// errNoWorkers is what a script is told; people see it in the frame.
var errNoWorkers = errors.New("no worker answers; start one: seqd worker; if one runs, is it in the same NATS account? see: seqd doctor")

// runOnce prints what happened in one interval.
func (q *query) runOnce(ctx context.Context, nc *nats.Conn, stdout io.Writer) error {
	view, err := q.poll(ctx, nc)
	if err == nil && backoff.Sleep(ctx, q.interval) {
		view, err = q.poll(ctx, nc)
	}
	switch {
	case ctx.Err() != nil:
		return nil // it was ended by hand
	case err != nil:
		return err
	case len(view.Workers) == 0:
		return errNoWorkers
	case q.json:
		view.Sort(q.sort)
		return json.NewEncoder(stdout).Encode(view)
	}
	_, err = fmt.Fprintln(stdout, strings.Join(view.Frame(Layout{Title: q.title(view), Sort: q.sort}), "\n"))
	return err
}

// runLines prints a view a line until it is ended.
func (q *query) runLines(ctx context.Context, nc *nats.Conn, stdout io.Writer) error {
	out := json.NewEncoder(stdout)
	for {
		view, err := q.poll(ctx, nc)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			view.Sort(q.sort)
			err = out.Encode(view)
		}
		if err != nil {
			return err
		}
		if !backoff.Sleep(ctx, q.interval) {
			return nil
		}
	}
}

func (q *query) poll(ctx context.Context, nc *nats.Conn) (View, error) {
	answers, err := fleet.Stats(ctx, nc)
	if err != nil {
		return View{}, err
	}
	return q.tracker.Add(time.Now(), answers), nil
}

func (q *query) title(view View) string {
	return fmt.Sprintf("seqd at %s   every %v   %s", q.nats.Where(), q.interval, view.At.Format(time.TimeOnly))
}
