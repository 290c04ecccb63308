// Package cmdline is the command line of a program with commands: which command it
// names, what flags and words say, what is wrong with them, and help.
//
// A line that makes no sense is a [UsageError]: it ends the program with
// [ExitUsage], and with the command whose -h tells more.
package cmdline

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/peterbourgon/ff/v3/ffcli"
)

// Exit codes.
const (
	ExitOK     = 0
	ExitFailed = 1 // the command failed
	ExitUsage  = 2 // the command line makes no sense
)

// Program is a command with the commands below it, and where they print.
type Program struct {
	Root           *ffcli.Command
	Stdout, Stderr io.Writer

	// Variable returns the environment variable that sets a flag of a command, ""
	// for one that the command line alone can set.
	Variable func(fs *flag.FlagSet, name string) string

	// Before is called before run, which Root or a command below it is.
	Before func(root, run *ffcli.Command, stderr io.Writer)
}

// Run runs the command that args name, and returns the exit code.
func (p *Program) Run(ctx context.Context, args []string) int {
	var last *ffcli.Command // whose flags were parsed last
	watch(p.Root, func(c *ffcli.Command) { last = c })

	err := p.Root.Parse(args)
	at := commandOf(p.Root, args)
	if err != nil {
		err = usageOf(at.FlagSet, err)
	} else {
		err = flagsBefore(p.Root, at)
	}
	if err == nil {
		err = switched(at.FlagSet, args)
	}
	if err == nil {
		p.Before(p.Root, at, p.Stderr)
		err = p.Root.Run(ctx)
	}
	var usage UsageError
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(p.Stdout, p.usage(last))
		return ExitOK
	case errors.As(err, &usage):
		fmt.Fprintf(p.Stderr, "%s: %s\ntry: %s -h\n", p.Root.Name, PlainLines(err.Error()), at.FlagSet.Name())
		return ExitUsage
	default:
		name := p.Root.Name + ": "
		fmt.Fprintln(p.Stderr, name+PlainLines(strings.TrimPrefix(err.Error(), name))) // a client says it too
		return ExitFailed
	}
}

// UsageError is a command line that makes no sense.
type UsageError string

func (e UsageError) Error() string { return string(e) }

// WhichCommand is the error of a command that does nothing by itself.
func WhichCommand(c *ffcli.Command, args []string) error {
	var names []string
	for _, sub := range c.Subcommands {
		names = append(names, sub.Name)
	}
	all := strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
	if len(args) == 0 {
		return UsageError("which command? " + all)
	}
	if meant := DidYouMean(args[0], names); meant != "" {
		return UsageError(fmt.Sprintf("unknown command %q%s", args[0], meant))
	}
	return UsageError(fmt.Sprintf("unknown command %q; it must be %s", args[0], all))
}

// watch has the flag package print nothing by itself, and tell seen whose help is
// asked for.
func watch(c *ffcli.Command, seen func(*ffcli.Command)) {
	c.UsageFunc = func(c *ffcli.Command) string { seen(c); return "" }
	c.FlagSet.SetOutput(io.Discard)
	for _, sub := range c.Subcommands {
		watch(sub, seen)
	}
}

// commandOf returns the command that args name, as ffcli finds it.
func commandOf(c *ffcli.Command, args []string) *ffcli.Command {
	if c.FlagSet.Parsed() {
		args = c.FlagSet.Args()
	}
	if len(args) > 0 {
		if sub := below(c, args[0]); sub != nil {
			return commandOf(sub, args[1:])
		}
	}
	return c
}

// below returns the command of that name below c, nil for none.
func below(c *ffcli.Command, name string) *ffcli.Command {
	i := slices.IndexFunc(c.Subcommands, func(sub *ffcli.Command) bool { return strings.EqualFold(sub.Name, name) })
	if i < 0 {
		return nil
	}
	return c.Subcommands[i]
}

// flagsBefore refuses flags of a command that stand before the command below it
// that is run: the one below would not see them.
func flagsBefore(c, run *ffcli.Command) (err error) {
	if c == run {
		return nil
	}
	c.FlagSet.Visit(func(f *flag.Flag) {
		err = UsageError(fmt.Sprintf("%s stands before %s, but flags stand behind the command that they are for", Dashed(f.Name), run.Name))
	})
	for _, sub := range c.Subcommands {
		if err == nil && sub != run && sub.FlagSet.Parsed() {
			err = flagsBefore(sub, run)
		}
	}
	return err
}
