//go:build lean

// Package dev is `seqd dev`, which a lean build has not.
package dev

import (
	"io"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

// Command says so.
func Command(_, _ io.Writer) *ffcli.Command { return cmdline.LeftOut("seqd", "dev") }
