// Package version knows the version of this build.
package version

import (
	"context"
	"flag"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

// unreleased is the version of a build that no tag names.
const unreleased = "0.1.0-dev"

// released is the version where the source is built without its git history:
// go build -ldflags "-X github.com/seqd-io/seqd/cmd/seqd/version.released=1.2.3".
var released string

// String returns the SemVer version of this build.
func String() string {
	if released != "" {
		return strings.TrimPrefix(released, "v")
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return unreleased
	}
	return strings.TrimPrefix(info.Main.Version, "v")
}

// Command is `seqd version`.
func Command(stdout io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd version", flag.ContinueOnError)
	return &ffcli.Command{
		Name:       "version",
		ShortUsage: "seqd version",
		ShortHelp:  "print the version",
		FlagSet:    fs,
		Exec: func(_ context.Context, args []string) error {
			if err := cmdline.NoWords(fs, args); err != nil {
				return err
			}
			return Print(stdout)
		},
	}
}

// Print writes the line that `seqd version` prints.
func Print(w io.Writer) error {
	_, err := fmt.Fprintln(w, "seqd", String())
	return err
}
