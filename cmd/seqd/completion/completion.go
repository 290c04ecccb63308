// Package completion is `seqd completion`: scripts with which shells complete seqd's
// command line. They are made of the tables that -h is made of, so that they know
// every command and flag.
package completion

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

// Command is `seqd completion`, for the commands below root.
func Command(root *ffcli.Command, stdout io.Writer) *ffcli.Command {
	c := &ffcli.Command{
		Name:       "completion",
		ShortUsage: "seqd completion SHELL",
		ShortHelp:  "print a script that completes seqd's commands and flags in a shell",
		LongHelp: "example:\n" +
			"  source <(seqd completion bash)\n\n" +
			"That line in ~/.bashrc has bash complete commands, flags, and the values of those flags that\n" +
			"take one of a few words. In zsh the line is the same, for zsh, in ~/.zshrc after compinit.\n" +
			"For fish: seqd completion fish > ~/.config/fish/completions/seqd.fish",
		FlagSet: flag.NewFlagSet("seqd completion", flag.ContinueOnError),
	}
	for _, shell := range []struct {
		name   string
		script func([]command) string
	}{{"bash", bash}, {"zsh", zsh}, {"fish", fish}} {
		fs := flag.NewFlagSet("seqd completion "+shell.name, flag.ContinueOnError)
		c.Subcommands = append(c.Subcommands, &ffcli.Command{
			Name:       shell.name,
			ShortUsage: fs.Name(),
			ShortHelp:  "for " + shell.name,
			FlagSet:    fs,
			Exec: func(_ context.Context, args []string) error {
				if err := cmdline.NoWords(fs, args); err != nil {
					return err
				}
				_, err := fmt.Fprint(stdout, shell.script(commandsOf(root)))
				return err
			},
		})
	}
	c.Exec = func(_ context.Context, args []string) error { return cmdline.WhichCommand(c, args) }
	return c
}
