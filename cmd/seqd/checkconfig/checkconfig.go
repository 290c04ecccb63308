// Package checkconfig is `seqd check-config`.
package checkconfig

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/worker"
)

// Command is `seqd check-config`.
func Command(stdout io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd check-config", flag.ContinueOnError)
	cfg := settings.Default()
	file := fs.String("config", "", "configuration `FILE` (YAML)")
	cfg.Flags(fs)
	return &ffcli.Command{
		Name:       "check-config",
		ShortUsage: "seqd check-config [FILE] [flags]",
		ShortHelp:  "check a worker's configuration, without connecting to anything",
		LongHelp: "example:\n" +
			"  seqd check-config /etc/seqd/seqd.yaml\n" +
			"\n" +
			"Takes the flags, variables and file that seqd worker takes, and connects to nothing. It names the\n" +
			"line that is wrong, or shows what a worker would serve.",
		FlagSet: fs,
		Exec: func(_ context.Context, args []string) error {
			rest, err := cmdline.Takes{Names: []string{"FILE"}}.Parse(fs, args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				switch {
				case rest[0] == "":
					return cmdline.UsageError("the name of FILE is empty")
				case cmdline.Given(fs, "config"):
					return cmdline.UsageError(fmt.Sprintf("--config and %q are two files: name one of them", rest[0]))
				}
				if err := fs.Set("config", rest[0]); err != nil {
					return err
				}
			}
			clusters, err := cfg.Read(fs, file, nil)
			if err != nil {
				return err
			}
			for _, c := range clusters {
				for _, s := range c.Stores {
					fmt.Fprintf(stdout, "%s.%s.>: default mode %s, %scounters at %s below %s\n",
						cfg.Root, s.Name, s.DefaultMode, extras(c, s), strings.Join(c.Etcd.Endpoints, ","), c.Etcd.Prefix)
				}
			}
			fmt.Fprintln(stdout, "ok")
			return nil
		},
	}
}

// extras tells what a store has beyond the others, with a comma behind each.
func extras(c settings.Cluster, s worker.Store) (text string) {
	if s.Leased {
		text += fmt.Sprintf("leased for %v, ", c.Lease)
	}
	if s.Numbering != "" {
		text += fmt.Sprintf("numbers %s, ", s.Numbering)
	}
	switch s.IdempotencyWindow {
	case settings.DefaultWindow:
	case 0:
		text += "no idempotency keys, "
	default:
		text += fmt.Sprintf("answers kept for %v, ", s.IdempotencyWindow)
	}
	return text
}
