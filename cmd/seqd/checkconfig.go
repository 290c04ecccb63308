package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/peterbourgon/ff/v3/ffcli"
)

func checkConfigCommand(stdout io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd check-config", flag.ContinueOnError)
	cfg := defaultConfig()
	file := fs.String("config", "", "configuration `FILE` (YAML)")
	cfg.flags(fs)
	return &ffcli.Command{
		Name:       "check-config",
		ShortUsage: "seqd check-config [FILE] [flags]",
		ShortHelp:  "check a worker's configuration, and connect to nothing",
		LongHelp:   "Takes what seqd worker takes. Says which line is wrong, or what would be served.",
		FlagSet:    fs,
		Exec: func(_ context.Context, args []string) error {
			rest, err := takes{names: []string{"FILE"}}.parse(fs, args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				switch {
				case rest[0] == "":
					return usageError("the name of FILE is empty")
				case given(fs, "config"):
					return usageError(fmt.Sprintf("--config and %q are two files: name one of them", rest[0]))
				}
				if err := fs.Set("config", rest[0]); err != nil {
					return err
				}
			}
			clusters, err := settleConfig(fs, &cfg, file, nil)
			if err != nil {
				return err
			}
			for _, c := range clusters {
				for _, s := range c.stores {
					fmt.Fprintf(stdout, "%s.%s.>: default mode %s, counters at %s below %s\n",
						cfg.Root, s.Name, s.DefaultMode, strings.Join(c.etcd.Endpoints, ","), c.etcd.Prefix)
				}
			}
			fmt.Fprintln(stdout, "ok")
			return nil
		},
	}
}
