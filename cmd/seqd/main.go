// Command seqd issues ids over NATS from counters in etcd.
//
//	         requests                    marks
//	callers ─────────▶ nats-server ─▶ seqd worker ─▶ etcd
//	        ◀───────── (queue group) ◀─ (any number) ◀─
//
// A room stands below for each command; `seqd COMMAND -h` shows all of a command's
// settings.
package main

import (
	"context"
	"flag"
	"io"
	"os"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/admin"
	"github.com/seqd-io/seqd/cmd/seqd/bench"
	"github.com/seqd-io/seqd/cmd/seqd/checkconfig"
	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/cmd/seqd/completion"
	"github.com/seqd-io/seqd/cmd/seqd/decode"
	"github.com/seqd-io/seqd/cmd/seqd/dev"
	"github.com/seqd-io/seqd/cmd/seqd/doctor"
	"github.com/seqd-io/seqd/cmd/seqd/health"
	"github.com/seqd-io/seqd/cmd/seqd/next"
	"github.com/seqd-io/seqd/cmd/seqd/serve"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/cmd/seqd/stamp"
	"github.com/seqd-io/seqd/cmd/seqd/top"
	"github.com/seqd-io/seqd/cmd/seqd/version"
)

func main() {
	os.Exit(seqd(os.Stdout, os.Stderr).Run(context.Background(), os.Args[1:]))
}

// seqd is the whole program, for tests too. Signals end a command's context where
// it listens for them.
func seqd(stdout, stderr io.Writer) *cmdline.Program {
	fs := flag.NewFlagSet("seqd", flag.ContinueOnError)
	var showVersion bool
	fs.BoolVar(&showVersion, "version", false, "print the version")
	fs.BoolVar(&showVersion, "v", false, "print the version")
	root := &ffcli.Command{
		Name:       "seqd",
		ShortUsage: "seqd COMMAND [flags]",
		LongHelp: "example:\n" +
			"  seqd dev                      # starts everything that is needed, to try it\n" +
			"  seqd next demo key666 -n 3    # in another terminal: three ids\n" +
			"\n" +
			"seqd issues unique ids to callers on NATS, from counters in etcd. Ids of a key increase: strictly\n" +
			"in strong mode, and in trend in weak mode, which is the default.\n" +
			"seqd COMMAND -h shows an example and the flags of a command.",
		FlagSet: fs,
	}
	program := &cmdline.Program{Root: root, Stdout: stdout, Stderr: stderr, Variable: settings.Variable, Before: settings.NoteUnread}
	root.Subcommands = []*ffcli.Command{
		dev.Command(stdout, stderr),
		serve.Command(stderr),
		next.Command(stdout, stderr),
		stamp.Command(stdout, stderr),
		admin.Command(os.Stdin, stdout, stderr),
		doctor.Command(stdout),
		top.Command(stdout),
		bench.Command(stdout, stderr),
		decode.Command(stdout),
		checkconfig.Command(stdout),
		health.Command(stdout),
		completion.Command(root, stdout),
		version.Command(stdout),
		program.Help(),
	}
	root.Exec = func(_ context.Context, args []string) error {
		if showVersion && len(args) == 0 {
			return version.Print(stdout)
		}
		return cmdline.WhichCommand(root, args)
	}
	return program
}
