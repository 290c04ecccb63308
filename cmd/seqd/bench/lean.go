//go:build lean

package bench

import (
	"context"
	"flag"
	"io"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

func compareCommand(_, _ io.Writer) *ffcli.Command { return cmdline.LeftOut("seqd bench", "compare") }

// embeddedBench is the wish for servers of one's own, which this build has not.
type embeddedBench struct{ workers int }

func (*embeddedBench) flags(*flag.FlagSet) {}

func (*embeddedBench) on() bool { return false }

func (*embeddedBench) leased() bool { return false }

func (*embeddedBench) start(context.Context, string, io.Writer) (*benchServers, error) {
	return nil, nil
}

type benchServers struct{ machine Machine }

func (*benchServers) natsURL() string         { return "" }
func (*benchServers) compact(context.Context) {}
func (*benchServers) close()                  {}
