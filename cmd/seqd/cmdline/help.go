package cmdline

import (
	"context"
	"flag"
	"fmt"

	"github.com/peterbourgon/ff/v3/ffcli"
)

// Help is the command that shows what `seqd COMMAND -h` shows.
func (p *Program) Help() *ffcli.Command {
	fs := flag.NewFlagSet(p.Root.Name+" help", flag.ContinueOnError)
	return &ffcli.Command{
		Name:       "help",
		ShortUsage: p.Root.Name + " help [COMMAND...]",
		ShortHelp:  "show how a command is used, as " + p.Root.Name + " COMMAND -h does",
		FlagSet:    fs,
		Exec: func(_ context.Context, args []string) error {
			names, err := words(fs, args)
			if err != nil {
				return err
			}
			c := p.Root
			for _, name := range names {
				sub := below(c, name)
				switch {
				case sub == nil && len(c.Subcommands) == 0:
					return UsageError(fmt.Sprintf("%s has no commands below it: unexpected word %q", c.Name, name))
				case sub == nil:
					return WhichCommand(c, []string{name})
				}
				c = sub
			}
			fmt.Fprintln(p.Stdout, p.usage(c))
			return nil
		},
	}
}
