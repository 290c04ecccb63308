//go:build !lean

package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/subjects"
)

// The peers that compare knows, in the order of its tables.
var benchPeers = []string{"echo", "weak", "strong", "leased", "relay", "txn", "jetstream", "jetstream-sync"}

func compareCommand(stdout, stderr io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd bench compare", flag.ContinueOnError)
	q := compareQuery{peers: slices.Clone(benchPeers), workers: numbers{1}}
	fs.Var((*cmdline.List)(&q.peers), "peers", "`NAMES` of the peers to measure, with commas between them")
	fs.Var(&q.workers, "workers", "how many workers serve the peers strong and leased; several `COUNTS` have commas between them")
	q.flags(fs)
	dataDirFlag(fs, &q.dataDir)
	return &ffcli.Command{
		Name:       "compare",
		ShortUsage: "seqd bench compare [flags]",
		ShortHelp:  "measure seqd beside other ways to get ids, on this machine",
		LongHelp: "example:\n" +
			"  seqd bench compare --callers 64 --keys 1\n" +
			"\n" +
			"Starts all servers in this process, on loopback, and measures these peers in turns:\n" +
			"  echo            a bare NATS request with a constant answer: the limit of the transport\n" +
			"  weak, strong    seqd\n" +
			"  leased          seqd's strong mode, in a store with a lease of 3 s\n" +
			"  relay           the same as echo by as many as --workers says, of whom each passes on what is another's\n" +
			"  txn             one etcd transaction per id, as Layotto's sequencer on etcd does it\n" +
			"  jetstream       a JetStream counter (Nats-Incr), synced every 2 minutes by default\n" +
			"  jetstream-sync  the same with sync_interval: always\n" +
			"All parts share one process, which makes each of them faster than it would be alone. So compare the\n" +
			"ratios. Every id is checked. If one comes twice or out of order, the command ends with exit code 1.\n" +
			"Ctrl-C ends it early.",
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

// compareQuery is what `seqd bench compare` was asked for.
type compareQuery struct {
	planFlags
	peers   []string
	workers numbers
	dataDir string
}

func (q *compareQuery) run(ctx context.Context, stdout, stderr io.Writer) error {
	if err := q.checkPeers(); err != nil {
		return err
	}
	plan, err := q.plan("key")
	if err != nil {
		return err
	}
	ctx, stop := untilSignal(ctx)
	defer stop()
	servers, err := startBenchServers(ctx, q.dataDir, stderr)
	if err != nil {
		return err
	}
	defer servers.close()
	peers, err := q.open(ctx, servers)
	if err != nil {
		return err
	}
	plan.Machine, plan.Between, plan.Progress = servers.machine, servers.compact, cmdline.Terminal(stdout, q.json)
	announce(plan, len(peers), stderr)
	comparison, err := Compare(ctx, peers, plan)
	if comparison != nil {
		comparison.OneProcess = true
	}
	return q.print(comparison, err, stdout)
}

func (q *compareQuery) checkPeers() error {
	for i, peer := range q.peers {
		if !slices.Contains(benchPeers, peer) {
			return cmdline.UsageError(fmt.Sprintf("--peers may hold %s, not %q", strings.Join(benchPeers, ", "), peer))
		}
		if peer == "relay" && len(q.peers) == 1 && slices.Max(q.workers) == 1 {
			return cmdline.UsageError("--peers relay needs --workers of 2 or more: one has nobody to pass requests on to")
		}
		if slices.Contains(q.peers[:i], peer) {
			return cmdline.UsageError(fmt.Sprintf("--peers holds %s twice", peer))
		}
	}
	return nil
}

// open starts what the peers ask, and returns them. Each has a root or a server
// of its own, of names as long as the others'.
func (q *compareQuery) open(ctx context.Context, servers *benchServers) ([]Peer, error) {
	at := At(servers.natsURL())
	var peers []Peer
	seqd := func(id, name string, mode subjects.Mode, lease time.Duration, workers int) error {
		root := fmt.Sprintf("%c%02d", id[0], workers)
		peers = append(peers, &Seqd{ID: id, Name: name, Connect: at, Root: root, Store: Store, Mode: mode, Workers: workers, Leased: lease > 0})
		return servers.startWorkers(ctx, workers, root, lease)
	}
	jetStream := func(id, name, durability string, always bool) error {
		url, err := servers.startJetStream(id, always)
		peers = append(peers, &JetStream{ID: id, Name: name, Durability: durability, Connect: At(url)})
		return err
	}
	for _, id := range q.peers {
		var err error
		switch id {
		case "echo":
			peers = append(peers, &Echo{Connect: at})
		case "weak":
			err = seqd(id, "seqd WEAK", subjects.Weak, 0, 1)
		case "strong":
			for _, workers := range q.workers {
				err = errors.Join(err, seqd(id, "seqd STRONG", subjects.Strong, 0, workers))
			}
		case "leased":
			for _, workers := range q.workers {
				err = errors.Join(err, seqd(id, "seqd STRONG, leased", subjects.Strong, comparedLease, workers))
			}
		case "relay":
			for _, members := range q.workers {
				if members > 1 { // one owns all keys, and is Echo
					peers = append(peers, &Relay{Connect: at, Members: members})
				}
			}
		case "txn":
			peers = append(peers, &Txn{Dial: servers.dialEtcd})
		case "jetstream":
			err = jetStream(id, "JetStream counter", "fsync every 2 min", false)
		case "jetstream-sync":
			err = jetStream(id, "JetStream counter, sync_always", "fsync each", true)
		}
		if err != nil {
			return nil, err
		}
	}
	return peers, nil
}

// comparedLease is what allocator/DESIGN.md and the examples have.
const comparedLease = 3 * time.Second

// ofGoals asks for what the goals are about, where the command line does not say
// otherwise.
func (q *compareQuery) ofGoals(fs *flag.FlagSet) {
	q.planFlags.ofGoals(fs)
	if !cmdline.Given(fs, "peers") {
		q.peers = []string{"echo", "weak", "strong", "leased", "relay", "txn", "jetstream-sync"}
	}
	if !cmdline.Given(fs, "workers") {
		q.workers = numbers{1, 4, 8}
	}
}
