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
		LongHelp: "Lists the counters of a store, or of all, read from etcd page by page. LAST is the mark: every\n" +
			"id up to it is spent or reserved. BY is who wrote it. OWNER is the worker that issues the key's\n" +
			"ids from memory, of a store with a lease; - where there is none. Where a key counts in periods,\n" +
			"LAST is the mark in the latest that has begun, 2026-11#12: the period as the configuration's rule\n" +
			"names it, or the date that it begins on.",
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
