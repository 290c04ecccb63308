package bench

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
)

func echoCommand(stdout io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd bench echo", flag.ContinueOnError)
	var connection settings.NATS
	connection.Flags(fs)
	return &ffcli.Command{
		Name:       "echo",
		ShortUsage: "seqd bench echo [flags]",
		ShortHelp:  "answer bare requests, which seqd bench deployed measures beside seqd",
		LongHelp: "example:\n" +
			"  seqd bench echo --nats-url nats://nats:4222\n" +
			"\n" +
			"Answers the requests that the peer echo of seqd bench deployed sends. The answer is a constant, so that\n" +
			"its rate is the limit of the transport. If you run several of them they share the work, as workers do.\n" +
			"Ctrl-C ends it.",
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			if err := cmdline.NoWords(fs, args); err != nil {
				return err
			}
			if err := settings.SettleFlags(fs); err != nil {
				return err
			}
			ctx, stop := untilSignal(ctx)
			defer stop()
			nc, err := Respond(connection.Connect)
			if err != nil {
				return err
			}
			defer nc.Close()
			fmt.Fprintf(stdout, "answering %s.>\n", echoRoot)
			<-ctx.Done()
			return nil
		},
	}
}
