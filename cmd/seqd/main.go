// Command seqd issues ids over NATS from counters in etcd.
//
//	         requests                    marks
//	callers ─────────▶ nats-server ─▶ seqd worker ─▶ etcd
//	        ◀───────── (queue group) ◀─ (any number) ◀─
//
// One file per command; `seqd COMMAND -h` shows all of a command's settings.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/peterbourgon/ff/v3/ffcli"
)

func main() {
	os.Exit(execute(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the command failed
	exitUsage  = 2 // the command line makes no sense
)

// execute is the whole program, for tests too. Signals end ctx where a command
// listens for them.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand(stdout, stderr)
	var last *ffcli.Command // whose flags were parsed last
	watch(root, func(c *ffcli.Command) { last = c })

	err := root.Parse(args)
	at := commandOf(root, args)
	if err != nil {
		err = usageOf(at.FlagSet, err)
	} else {
		err = flagsBefore(root, at)
	}
	if err == nil {
		err = switched(at.FlagSet, args)
	}
	if err == nil {
		noteUnread(root, at, stderr)
		err = root.Run(ctx)
	}
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(stdout, usageText(last))
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "seqd: %s\ntry: %s -h\n", err, at.FlagSet.Name())
		return exitUsage
	default:
		fmt.Fprintf(stderr, "seqd: %s\n", strings.TrimPrefix(err.Error(), "seqd: ")) // the client says it too
		return exitFailed
	}
}

func rootCommand(stdout, stderr io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd", flag.ContinueOnError)
	var showVersion bool
	fs.BoolVar(&showVersion, "version", false, "print the version")
	fs.BoolVar(&showVersion, "v", false, "print the version")
	root := &ffcli.Command{
		Name:       "seqd",
		ShortUsage: "seqd COMMAND [flags]",
		LongHelp:   "seqd issues unique, ever-increasing ids over NATS from counters in etcd.",
		FlagSet:    fs,
		Subcommands: []*ffcli.Command{
			devCommand(stdout, stderr),
			workerCommand(stdout, stderr),
			nextCommand(stdout),
			stampCommand(stdout, stderr),
			adminCommand(stdout),
			doctorCommand(stdout),
			topCommand(stdout),
			benchCommand(stdout, stderr),
			checkConfigCommand(stdout),
			healthCommand(stdout),
			versionCommand(stdout),
		},
	}
	root.Subcommands = append(root.Subcommands, helpCommand(root, stdout))
	root.Exec = func(_ context.Context, args []string) error {
		if showVersion && len(args) == 0 {
			return printVersion(stdout)
		}
		return whichCommand(root, args)
	}
	return root
}

// usageError is a command line that makes no sense.
type usageError string

func (e usageError) Error() string { return string(e) }

// whichCommand is the error of a command that does nothing by itself.
func whichCommand(c *ffcli.Command, args []string) error {
	var names []string
	for _, sub := range c.Subcommands {
		names = append(names, sub.Name)
	}
	all := strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
	if len(args) == 0 {
		return usageError("which command? " + all)
	}
	return usageError(fmt.Sprintf("unknown command %q; it must be %s", args[0], all))
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
		err = usageError(fmt.Sprintf("%s stands before %s, which would not see it: flags stand behind their command", dashed(f.Name), run.Name))
	})
	for _, sub := range c.Subcommands {
		if err == nil && sub != run && sub.FlagSet.Parsed() {
			err = flagsBefore(sub, run)
		}
	}
	return err
}
