package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/cmd/seqd/fleet"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

func deployedCommand(stdout, stderr io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd bench deployed", flag.ContinueOnError)
	q := deployedQuery{peers: []string{"echo", "weak:" + Store, "strong:" + Store}}
	fs.Var((*cmdline.List)(&q.peers), "peers", "`NAMES` of the peers to measure, with commas between them: echo, weak:STORE, strong:STORE, leased:STORE")
	fs.StringVar(&q.key, "key", "key", "the `KEY` to ask for; several are called KEY.0, KEY.1 and so on")
	settings.RootFlag(fs, &q.root)
	q.flags(fs)
	q.nats.Flags(fs)
	return &ffcli.Command{
		Name:       "deployed",
		ShortUsage: "seqd bench deployed [flags]",
		ShortHelp:  "measure a running system beside a bare echo",
		LongHelp: "example:\n" +
			"  seqd bench deployed --peers echo,weak:orders,strong:orders\n" +
			"\n" +
			"Does what seqd bench compare does with a system that already runs, and whose parts have processes or\n" +
			"machines of their own. The peers are:\n" +
			"  echo          what seqd bench echo answers, which must run beside the workers\n" +
			"  weak:STORE    weak ids of STORE\n" +
			"  strong:STORE  strong ids of STORE\n" +
			"  leased:STORE  the same, where the store is configured with a lease\n" +
			"The ids are spent. Every id is checked. If one comes twice or out of order, the command ends with\n" +
			"exit code 1. Ctrl-C ends it early.",
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			if err := cmdline.NoWords(fs, args); err != nil {
				return err
			}
			if err := settings.SettleFlags(fs); err != nil {
				return err
			}
			if q.goals {
				q.ofGoals(fs)
			}
			return q.run(ctx, stdout, stderr)
		},
	}
}

// deployedQuery is what `seqd bench deployed` was asked for.
type deployedQuery struct {
	planFlags
	peers     []string
	key, root string
	nats      settings.NATS
}

func (q *deployedQuery) run(ctx context.Context, stdout, stderr io.Writer) error {
	plan, err := q.plan(q.key)
	if err != nil {
		return err
	}
	peers, err := q.asked()
	if err != nil {
		return err
	}
	ctx, stop := untilSignal(ctx)
	defer stop()
	workers, err := q.workers(ctx)
	if err != nil {
		return err
	}
	for _, peer := range peers {
		if s, ok := peer.(*Seqd); ok {
			s.Workers = workers
		}
	}
	plan.Machine, plan.Progress = ThisMachine(false), cmdline.Terminal(stdout, q.json)
	announce(plan, len(peers), stderr)
	comparison, err := Compare(ctx, peers, plan)
	if comparison == nil && errors.Is(err, nats.ErrNoResponders) {
		err = fmt.Errorf("%w; start workers for the stores that --peers names, and for the peer echo start seqd bench echo", err)
	}
	return q.print(comparison, err, stdout)
}

// asked returns the peers that are named.
func (q *deployedQuery) asked() ([]Peer, error) {
	if err := subjects.CheckToken("root", q.root); err != nil {
		return nil, cmdline.UsageError(settings.TextOf(err))
	}
	var peers []Peer
	var ids []string
	for _, name := range q.peers {
		id, store, named := strings.Cut(name, ":")
		if slices.Contains(ids, id) { // their rows could not be told apart
			return nil, cmdline.UsageError(fmt.Sprintf("--peers holds %s twice", id))
		}
		ids = append(ids, id)
		s := &Seqd{ID: id, Connect: q.nats.Connect, Root: q.root, Store: store, Mode: subjects.Strong}
		switch {
		case id == "echo" && !named:
			peers = append(peers, &Echo{Connect: q.nats.Connect, Elsewhere: true})
			continue
		case id == "weak":
			s.Name, s.Mode = "seqd WEAK", subjects.Weak
		case id == "strong":
			s.Name = "seqd STRONG"
		case id == "leased":
			s.Name, s.Leased = "seqd STRONG, leased", true
		default:
			return nil, cmdline.UsageError(fmt.Sprintf("--peers may hold echo, weak:STORE, strong:STORE and leased:STORE, not %q", name))
		}
		if err := subjects.CheckToken("store", store); err != nil {
			return nil, cmdline.UsageError(fmt.Sprintf("--peers: %s: %s", name, settings.TextOf(err)))
		}
		peers = append(peers, s)
	}
	return peers, nil
}

// workers returns how many there are, as far as they may be asked.
func (q *deployedQuery) workers(ctx context.Context) (n int, err error) {
	nc, err := q.nats.Connect(nats.Name("seqd bench"))
	if err != nil {
		return 0, fmt.Errorf("connect to NATS: %w", err)
	}
	defer nc.Close()
	infos, err := fleet.Infos(ctx, nc)
	if err != nil && ctx.Err() != nil {
		return 0, err
	}
	for _, info := range infos { // none where asking is not allowed: their number is not known
		if info.Said.Metadata[worker.MetadataRoot] == q.root {
			n++
		}
	}
	return n, nil
}
