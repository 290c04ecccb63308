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
	root := &ffcli.Command{
		Name:       "seqd",
		ShortUsage: "seqd COMMAND [flags]",
		LongHelp:   "seqd issues unique, ever-increasing ids over NATS from counters in etcd.",
		FlagSet:    flag.NewFlagSet("seqd", flag.ContinueOnError),
		Exec: func(_ context.Context, args []string) error {
			if len(args) > 0 {
				return usageError(fmt.Sprintf("unknown command %q", args[0]))
			}
			return usageError("which command?")
		},
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
	prepare(root, stdout, slices.ContainsFunc(args, isHelp))

	err := root.ParseAndRun(ctx, args)
	var usage usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.As(err, &usage), strings.HasPrefix(err.Error(), "error parsing commandline arguments"):
		text := strings.TrimPrefix(err.Error(), "error parsing commandline arguments: ")
		fmt.Fprintf(stderr, "seqd: %s\ntry: seqd %s-h\n", text, commandName(root, args))
		return exitUsage
	default:
		fmt.Fprintf(stderr, "seqd: %s\n", strings.TrimPrefix(err.Error(), "seqd: ")) // the client says it too
		return exitFailed
	}
}

// usageError is a command line that makes no sense.
type usageError string

func (e usageError) Error() string { return string(e) }

func isHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

// prepare has help printed to stdout where it was asked for, and nothing printed
// by the flag package itself.
func prepare(c *ffcli.Command, stdout io.Writer, help bool) {
	c.UsageFunc = usage
	c.FlagSet.SetOutput(io.Discard)
	if help {
		c.FlagSet.SetOutput(stdout)
	}
	for _, sub := range c.Subcommands {
		prepare(sub, stdout, help)
	}
}

// commandName returns the command that args name, and a space.
func commandName(root *ffcli.Command, args []string) string {
	for _, sub := range root.Subcommands {
		if len(args) > 0 && args[0] == sub.Name {
			return sub.Name + " " + commandName(sub, args[1:])
		}
	}
	return ""
}

// words parses flags that stand behind or between a command's words, which the
// flag package stops at.
func words(fs *flag.FlagSet, args []string) ([]string, error) {
	var words []string
	for len(args) > 0 {
		words = append(words, args[0])
		if args[0] == "-" || !strings.HasPrefix(args[0], "-") {
			args = args[1:]
			if err := fs.Parse(args); err != nil {
				return nil, usageOf(err)
			}
			args = fs.Args()
			continue
		}
		args = args[1:] // stood behind "--"
	}
	return words, nil
}

// noWords parses flags of a command that takes no words.
func noWords(fs *flag.FlagSet, args []string) error {
	rest, err := words(fs, args)
	if err == nil && len(rest) > 0 {
		err = usageError(fmt.Sprintf("unexpected word %q", rest[0]))
	}
	return err
}

func usageOf(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	return usageError(err.Error())
}
