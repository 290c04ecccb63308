package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/peterbourgon/ff/v3/ffcli"
)

// helpCommand shows what `seqd COMMAND -h` shows.
func helpCommand(root *ffcli.Command, stdout io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd help", flag.ContinueOnError)
	return &ffcli.Command{
		Name:       "help",
		ShortUsage: "seqd help [COMMAND]",
		ShortHelp:  "show all that a command can be told, as seqd COMMAND -h does",
		FlagSet:    fs,
		Exec: func(_ context.Context, args []string) error {
			names, err := words(fs, args)
			if err != nil {
				return err
			}
			c := root
			for _, name := range names {
				sub := below(c, name)
				switch {
				case sub == nil && len(c.Subcommands) == 0:
					return usageError(fmt.Sprintf("%s has no commands below it: unexpected word %q", c.Name, name))
				case sub == nil:
					return whichCommand(c, []string{name})
				}
				c = sub
			}
			fmt.Fprintln(stdout, usageText(c))
			return nil
		},
	}
}
