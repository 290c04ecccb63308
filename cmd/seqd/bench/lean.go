//go:build lean

package bench

import (
	"context"
	"errors"
	"flag"
	"io"

	"github.com/peterbourgon/ff/v3/ffcli"
)

func compareCommand(_, _ io.Writer) *ffcli.Command {
	return &ffcli.Command{
		Name:       "compare",
		ShortUsage: "seqd bench compare",
		ShortHelp:  "(left out of this lean build)",
		FlagSet:    flag.NewFlagSet("seqd bench compare", flag.ContinueOnError),
		Exec: func(context.Context, []string) error {
			return errors.New("this is a lean build, without the servers that compare needs: build seqd without the tag lean")
		},
	}
}

// embeddedBench is the wish for servers of one's own, which this build has not.
type embeddedBench struct{ workers int }

func (*embeddedBench) flags(*flag.FlagSet) {}

func (*embeddedBench) on() bool { return false }

func (*embeddedBench) start(context.Context, string, io.Writer) (*benchServers, error) {
	return nil, nil
}

type benchServers struct{ machine Machine }

func (*benchServers) natsURL() string         { return "" }
func (*benchServers) compact(context.Context) {}
func (*benchServers) close()                  {}
