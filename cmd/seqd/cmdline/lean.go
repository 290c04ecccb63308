//go:build lean

package cmdline

import (
	"context"
	"flag"
	"fmt"

	"github.com/peterbourgon/ff/v3/ffcli"
)

// LeftOut stands for a command that needs servers in this process: it says that
// this build has none. before is what its name follows, as "seqd bench".
func LeftOut(before, name string) *ffcli.Command {
	usage := before + " " + name
	return &ffcli.Command{
		Name:       name,
		ShortUsage: usage,
		ShortHelp:  "(left out of this lean build)",
		FlagSet:    flag.NewFlagSet(usage, flag.ContinueOnError),
		Exec: func(context.Context, []string) error {
			return fmt.Errorf("this is a lean build, without the servers that %s needs: build seqd without the tag lean", name)
		},
	}
}
