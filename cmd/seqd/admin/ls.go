package admin

import (
	"context"
	"flag"
	"io"
	"strings"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

func lsCommand(stdout io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd admin ls", flag.ContinueOnError)
	a := newAdmin(fs)
	return &ffcli.Command{
		Name:       "ls",
		ShortUsage: "seqd admin ls [STORE] [flags]",
		ShortHelp:  "list the counters",
		LongHelp: "example:\n" +
			"  seqd admin ls orders\n" +
			"\n" +
			"Lists the counters of a store, or of all stores. LAST is the counter's mark: every id up to it is\n" +
			"spent or reserved. BY is the worker that wrote it. OWNER is the worker that issues the key's ids from\n" +
			"memory, in a store with a lease, or - where there is none.\n" +
			"Where a key counts in periods, LAST is the mark in the latest period that has begun, as in 2026-11#12.\n" +
			"The period has the name that the configuration gives it, or else the date that it begins on.",
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			return a.run(ctx, fs, args, cmdline.Takes{Names: []string{"STORE"}}, stdout, func(ctx context.Context, words []string) error {
				clusters, store := a.clusters, ""
				if len(words) == 1 {
					c, err := a.of(words[0])
					if err != nil {
						return err
					}
					clusters, store = []place{c}, words[0]
				}
				return a.ls(ctx, clusters, store)
			})
		},
	}
}

func (a *admin) ls(ctx context.Context, clusters []place, store string) error {
	none := true
	a.print.head(markHead...)
	for _, c := range clusters {
		for m, err := range c.List(ctx, store) {
			if err != nil {
				return err
			}
			none = false
			if err := a.print.mark(m); err != nil {
				return err
			}
		}
	}
	if none {
		var places []string
		for _, c := range clusters {
			places = append(places, c.Name()+" below "+c.Etcd.Prefix)
		}
		return a.print.note("no counter at " + strings.Join(places, ", or at "))
	}
	return a.print.unreadable()
}
