package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

// soWeak is how soon callers see a counter that was raised.
const soWeak = "Workers may run meanwhile. Once the command has returned, the STRONG ids of new requests are greater.\n" +
	"A worker may still issue lower WEAK ids, which it holds in memory: those left of its segment, and of\n" +
	"the next one if it has fetched that. Together these are one and a half segments at most (segment_max,\n" +
	"or a larger n that somebody asked for). They stay unique.\n" +
	"\n" +
	"In a store with a lease, a worker that owns the key issues STRONG ids from memory as well. The command\n" +
	"tells it to let go of them and waits until it has. That takes a third of the lease, or a little more\n" +
	"than the lease if the worker does not answer. After that all ids of the key are greater."

func raiseCommand(stdout io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd admin raise", flag.ContinueOnError)
	a := newAdmin(fs)
	to := fs.Int64("to", 0, "the `ID` that the next ids are to be greater than")
	period := fs.String("period", "", "the `PERIOD` that --to is an id of, for a key that counts in periods, as its numbers show it (2026-11); without a rule in the configuration, the date that the period begins on")
	return &ffcli.Command{
		Name:       "raise",
		ShortUsage: "seqd admin raise STORE KEY [--period PERIOD] --to ID [flags]",
		ShortHelp:  "have a counter go on above an id",
		LongHelp: "example:\n" +
			"  seqd admin raise orders invoice --to 1000\n" +
			"\n" +
			"Raises a counter so that its next ids are greater than --to. A counter that is not there is made. One\n" +
			"that is as high already stays as it is, so that you may repeat the command.\n" +
			"A counter that a worker owns is raised by one even then, so that the worker gives no lower id back. If\n" +
			"the owner is gone, nobody owns the counter afterwards.\n" +
			"\n" +
			"For a key that counts in periods, name the period with --period. If it is later than the counter's,\n" +
			"the period begins with this. A period that is over, or that has not begun, is refused. A counter that\n" +
			"counts in none begins to do so only if --config says that its key does.\n\n" + soWeak,
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			return a.run(ctx, fs, args, cmdline.Takes{Names: []string{"STORE", "KEY"}, Required: 2, Example: "seqd admin raise orders invoice --to 1000"}, stdout, func(ctx context.Context, words []string) error {
				switch {
				case !cmdline.Given(fs, "to"):
					return cmdline.UsageError("--to must be given; for example: seqd admin raise orders invoice --to 1000")
				case *to < 0:
					return cmdline.UsageError(fmt.Sprintf("--to must be 0 or more, not %d", *to))
				}
				c, key, err := a.counter(words[0], words[1])
				if err != nil {
					return err
				}
				change, err := a.raise(ctx, c, key, *period, *to)
				if err != nil && !isHeld(err) {
					return err
				}
				return errors.Join(a.changed(change), err)
			})
		},
	}
}

// raise raises a counter to an id, of a period if it is named.
func (a *admin) raise(ctx context.Context, c place, key allocator.Key, period string, to int64) (operate.Change, error) {
	cal := a.calendarOf(key)
	switch {
	case period == "" && cal != nil:
		now := cal.Label(cal.Period(time.Now()))
		return operate.Change{}, cmdline.UsageError(fmt.Sprintf("the key counts in periods: --period must be given; now it is %s", now))
	case period == "":
		return c.Raise(ctx, key, to)
	case to > allocator.MaxPeriodID:
		return operate.Change{}, cmdline.UsageError(fmt.Sprintf("--to must be %d or less with --period, not %d", int64(allocator.MaxPeriodID), to))
	}
	p, err := a.period(key, period)
	if err != nil {
		return operate.Change{}, cmdline.UsageError("--period: " + err.Error())
	}
	return c.RaisePeriod(ctx, key, p, to, cal != nil)
}
