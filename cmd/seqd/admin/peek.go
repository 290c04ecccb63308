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
		ShortHelp:  "show one counter",
		LongHelp: "example:\n" +
			"  seqd admin peek orders invoice\n" +
			"\n" +
			"Shows a counter's mark, and takes no id. Every id up to the mark is spent or reserved. KEY is any\n" +
			"text, as for seqd next. Where the key counts in periods, the mark has the period: 2026-11#12.\n" +
			"If a worker owns the counter, it also shows whether that worker's session is there. As long as it\n" +
			"is, other workers hand their requests for the key over to the owner.\n" +
			"It exits 1 if there is no such counter.",
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
