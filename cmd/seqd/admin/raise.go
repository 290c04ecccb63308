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
const soWeak = "Workers may run. STRONG ids of requests made after it has returned are greater at once. A worker\n" +
	"first spends the WEAK ids it holds in memory: what is left of its segment and, if that has\n" +
	"been fetched already, the next one; together one and a half segments at most (segment_max,\n" +
	"or a larger n that somebody has asked for). They stay unique.\n\n" +
	"A worker that owns the key, of a store with a lease, issues STRONG ids from memory too: it is told\n" +
	"to let go of them, and waited for. That takes a third of the lease, or, if it does not answer, the\n" +
	"lease and a tenth of it. Then all its ids are greater, of both modes."

func raiseCommand(stdout io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd admin raise", flag.ContinueOnError)
	a := newAdmin(fs)
	to := fs.Int64("to", 0, "the `ID` that the next ids shall be greater than")
	period := fs.String("period", "", "the `PERIOD` that the id is of, for a key that counts in periods: 2026-11, as its numbers have it, or without a rule in the configuration the date that it begins on")
	return &ffcli.Command{
		Name:       "raise",
		ShortUsage: "seqd admin raise STORE KEY [--period PERIOD] --to ID [flags]",
		ShortHelp:  "have a counter go on above an id",
		LongHelp: "Raises a counter, which is made if it is not there, so that the next ids are greater than --to.\n" +
			"One that is higher already stays as it is: raising twice is fine. Where a worker owns the key it\n" +
			"is raised by one even then, so that nothing below is given back. A counter whose owner has gone is\n" +
			"nobody's afterwards.\n\n" +
			"A key that counts in periods needs --period too. If that is later than the counter's it begins with\n" +
			"this; one that is over, or has not begun, is refused. A counter begins to count in periods only if\n" +
			"--config says that the key does.\n\n" + soWeak,
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
