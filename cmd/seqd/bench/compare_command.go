//go:build !lean

package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/peterbourgon/ff/v3/ffcli"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/subjects"
)

// The peers that compare knows, in the order of its tables.
var benchPeers = []string{"echo", "weak", "strong", "txn", "jetstream", "jetstream-sync"}

func compareCommand(stdout, stderr io.Writer) *ffcli.Command {
	fs := flag.NewFlagSet("seqd bench compare", flag.ContinueOnError)
	q := compareQuery{peers: slices.Clone(benchPeers), callers: numbers{1, 16, 256, 1024}, keys: numbers{1, 256}, workers: numbers{1}}
	fs.Var((*cmdline.List)(&q.peers), "peers", "`NAMES` of those to measure, with commas")
	fs.Var(&q.callers, "callers", "how many ask at a time, each again as soon as it has its answer; `COUNTS` with commas")
	fs.Var(&q.keys, "keys", "over how many keys the callers are spread; `COUNTS` with commas")
	fs.Var(&q.workers, "workers", "how many share the work of peer strong; `COUNTS` with commas")
	fs.IntVar(&q.rounds, "rounds", 5, "how often each peer has its turn under each load")
	fs.DurationVar(&q.slice, "slice", 500*time.Millisecond, "how long a turn is measured")
	fs.DurationVar(&q.warm, "warm", 200*time.Millisecond, "how long it is warmed up before")
	fs.IntVar(&q.connections, "connections", 1, "of each peer, shared by its callers")
	fs.DurationVar(&q.timeout, "timeout", 10*time.Second, "how long to wait for one answer")
	fs.BoolVar(&q.json, "json", false, "print JSON: rates per second, latencies in µs")
	dataDirFlag(fs, &q.dataDir)
	return &ffcli.Command{
		Name:       "compare",
		ShortUsage: "seqd bench compare [flags]",
		ShortHelp:  "measure seqd beside other ways to get ids, on this machine",
		LongHelp: "Starts all servers here, on loopback, and lets the peers take turns:\n" +
			"  echo            a bare NATS request with a constant answer: the limit of the transport\n" +
			"  weak, strong    seqd\n" +
			"  txn             one etcd transaction per id, as Layotto's sequencer on etcd has it\n" +
			"  jetstream       a JetStream counter (Nats-Incr), synced every 2 minutes by default\n" +
			"  jetstream-sync  the same with sync_interval: always\n" +
			"Every id is checked: one that comes twice or out of order ends it with exit code 1.\n" +
			"All parts share one process, which makes each of them faster than separate ones:\n" +
			"read the ratios.\n" +
			"Ctrl-C ends it early.",
		FlagSet: fs,
		Exec: func(ctx context.Context, args []string) error {
			if err := cmdline.NoWords(fs, args); err != nil {
				return err
			}
			if err := settings.SettleFlags(fs); err != nil {
				return err
			}
			return q.run(ctx, stdout, stderr)
		},
	}
}

// compareQuery is what `seqd bench compare` was asked for.
type compareQuery struct {
	peers                  []string
	callers, keys, workers numbers
	rounds                 int
	slice, warm            time.Duration
	connections            int
	timeout                time.Duration
	json                   bool
	dataDir                string
}

func (q *compareQuery) run(ctx context.Context, stdout, stderr io.Writer) error {
	plan, err := q.plan()
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
	fmt.Fprintf(stderr, "seqd: measuring %s under %s, %s each; it takes %v and a little\n",
		Counted(len(peers), "peer"), Counted(len(plan.Loads), "load"), Counted(plan.Rounds, "round"), plan.Takes(len(peers)).Round(time.Second))
	comparison, err := Compare(ctx, peers, plan)
	if comparison == nil {
		return err
	}
	write := comparison.Write
	if q.json {
		write = func(w io.Writer) error { return WriteJSON(w, comparison) }
	}
	return errors.Join(err, write(stdout))
}

// plan checks what was asked for.
func (q *compareQuery) plan() (Plan, error) {
	for i, peer := range q.peers {
		if !slices.Contains(benchPeers, peer) {
			return Plan{}, cmdline.UsageError(fmt.Sprintf("--peers may hold %s, not %q", strings.Join(benchPeers, ", "), peer))
		}
		if slices.Contains(q.peers[:i], peer) {
			return Plan{}, cmdline.UsageError(fmt.Sprintf("--peers holds %s twice", peer))
		}
	}
	if q.rounds < 1 || q.connections < 1 {
		return Plan{}, cmdline.UsageError("--rounds and --connections must be at least 1")
	}
	if q.slice <= 0 || q.warm < 0 || q.timeout <= 0 {
		return Plan{}, cmdline.UsageError("--slice and --timeout must be more than 0, --warm not less")
	}
	plan := Plan{Rounds: q.rounds, Slice: q.slice, Warm: q.warm}
	for _, keys := range q.keys {
		for _, callers := range q.callers {
			plan.Loads = append(plan.Loads, Load{Callers: callers, Keys: keys})
		}
	}
	plan.Wiring = Wiring{Connections: q.connections, Timeout: q.timeout}
	for i := range slices.Max(q.keys) {
		plan.Keys = append(plan.Keys, fmt.Sprintf("key.%d", i))
	}
	return plan, nil
}

// open starts what the peers ask, and returns them. Each has a root or a server
// of its own, of names as long as the others'.
func (q *compareQuery) open(ctx context.Context, servers *benchServers) ([]Peer, error) {
	at := At(servers.natsURL())
	var peers []Peer
	seqd := func(id, name string, mode subjects.Mode, workers int) error {
		root := fmt.Sprintf("%c%02d", id[0], workers)
		peers = append(peers, &Seqd{ID: id, Name: name, Connect: at, Root: root, Store: Store, Mode: mode, Workers: workers})
		return servers.startWorkers(ctx, workers, root)
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
			err = seqd(id, "seqd WEAK", subjects.Weak, 1)
		case "strong":
			for _, workers := range q.workers {
				err = errors.Join(err, seqd(id, "seqd STRONG", subjects.Strong, workers))
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

// numbers is a flag that holds several whole numbers, from 1 on, with commas,
// none twice.
type numbers []int

func (n *numbers) String() string {
	var texts []string
	for _, x := range *n {
		texts = append(texts, strconv.Itoa(x))
	}
	return strings.Join(texts, ",")
}

func (n *numbers) Set(s string) error {
	var all []int
	for text := range strings.SplitSeq(s, ",") {
		x, err := strconv.Atoi(text)
		if err != nil || x < 1 {
			return fmt.Errorf("%q is not a whole number from 1 on", text)
		}
		if slices.Contains(all, x) {
			return fmt.Errorf("%d is named twice", x)
		}
		all = append(all, x)
	}
	*n = all
	return nil
}
