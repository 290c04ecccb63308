package admin

import (
	"context"
	"flag"
	"io"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

func peekCommand(stdout io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd admin peek", flag.ContinueOnError)
	a := newAdmin(fs)
	return &ffcli.Command{
		Name:       "peek",
		ShortUsage: "seqd admin peek STORE KEY [flags]",
		ShortHelp:  "show one counter, and take no id from it",
		LongHelp: "Shows a counter's mark: every id up to it is spent or reserved. KEY is any text, as for\n" +
			"seqd next. Of a counter that a worker owns it shows whether that one's session is there: as\n" +
			"long as it is, others hand their requests for the key over. Exit code 1 if there is no such\n" +
			"counter. Where the key counts in periods, the mark is shown with the period: 2026-11#12.",
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			return a.run(ctx, fs, args, cmdline.Takes{Names: []string{"STORE", "KEY"}, Required: 2, Example: "seqd admin peek orders invoice"}, stdout, func(ctx context.Context, words []string) error {
				c, key, err := a.counter(words[0], words[1])
				if err != nil {
					return err
				}
				m, err := c.Peek(ctx, key)
				if err != nil {
					return noRecord(err, words[0], words[1])
				}
				owner, err := sessionOf(ctx, c, m)
				if err != nil {
					return err
				}
				a.print.head(markHead...)
				if err := a.print.markOf(m, owner); err != nil {
					return err
				}
				return a.print.unreadable()
			})
		},
	}
}
