//go:build lean

// Package dev is `seqd dev`, which a lean build has not.
package dev

import (
	"context"
	"errors"
	"flag"
	"io"

	"github.com/peterbourgon/ff/v3/ffcli"
)

// Command says so.
func Command(_, _ io.Writer) *ffcli.Command {
	return &ffcli.Command{
		Name:       "dev",
		ShortUsage: "seqd dev",
		ShortHelp:  "(left out of this lean build)",
		FlagSet:    flag.NewFlagSet("seqd dev", flag.ContinueOnError),
		Exec: func(context.Context, []string) error {
			return errors.New("this is a lean build, without the servers that dev needs: build seqd without the tag lean")
		},
	}
}
