package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/peterbourgon/ff/v3/ffcli"

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
	return &ffcli.Command{
		Name:       "raise",
		ShortUsage: "seqd admin raise STORE KEY --to ID [flags]",
		ShortHelp:  "have a counter go on above an id",
		LongHelp: "Raises a counter, which is made if it is not there, so that the next ids are greater than --to.\n" +
			"One that is higher already stays as it is: raising twice is fine. Where a worker owns the key it\n" +
			"is raised by one even then, so that nothing below is given back. A counter whose owner has gone is\n" +
			"nobody's afterwards.\n\n" + soWeak,
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
				change, err := c.Raise(ctx, key, *to)
				if err != nil && !isHeld(err) {
					return err
				}
				return errors.Join(a.changed(change), err)
			})
		},
	}
}
