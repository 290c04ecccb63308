package bench

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
)

// planFlags is what the commands that compare peers are told alike.
type planFlags struct {
	callers, keys numbers
	loads         []Load // in place of callers times keys; see ofGoals
	rounds        int
	slice, warm   time.Duration
	connections   int
	timeout       time.Duration
	goals, json   bool
}

func (p *planFlags) flags(fs *flag.FlagSet) {
	p.callers, p.keys = numbers{1, 16, 256, 1024}, numbers{1, 256}
	fs.Var(&p.callers, "callers", "how many callers ask at the same time; each asks again as soon as it has its answer; several `COUNTS` have commas between them")
	fs.Var(&p.keys, "keys", "over how many keys the callers are spread; several `COUNTS` have commas between them")
	fs.IntVar(&p.rounds, "rounds", 5, "how often each peer has its turn under each load")
	fs.DurationVar(&p.slice, "slice", 500*time.Millisecond, "how long each turn is measured")
	fs.DurationVar(&p.warm, "warm", 200*time.Millisecond, "how long a peer is warmed up before its turn")
	fs.IntVar(&p.connections, "connections", 1, "how many connections each peer's callers share")
	fs.DurationVar(&p.timeout, "timeout", 10*time.Second, "how long to wait for one answer")
	fs.BoolVar(&p.goals, "goals", false, "print how far each of seqd's goals is met, and measure the loads of the goals unless --callers or --keys name others")
	fs.BoolVar(&p.json, "json", false, "print JSON, with rates per second and latencies in µs")
}

// ofGoals asks for the loads that the goals are about, where the command line
// does not say otherwise.
func (p *planFlags) ofGoals(fs *flag.FlagSet) {
	if !cmdline.Given(fs, "callers") && !cmdline.Given(fs, "keys") {
		p.loads = []Load{alone, oneKey, manyKeys}
	}
}

// plan checks what was asked for. The keys are called key, or are below it.
func (p *planFlags) plan(key string) (Plan, error) {
	if p.rounds < 1 || p.connections < 1 {
		return Plan{}, cmdline.UsageError("--rounds and --connections must be at least 1")
	}
	if p.slice <= 0 || p.warm < 0 || p.timeout <= 0 {
		return Plan{}, cmdline.UsageError("--slice and --timeout must be more than 0, and --warm must not be less than 0")
	}
	plan := Plan{Rounds: p.rounds, Slice: p.slice, Warm: p.warm, Loads: p.loads}
	if plan.Loads == nil {
		for _, keys := range p.keys {
			for _, callers := range p.callers {
				plan.Loads = append(plan.Loads, Load{Callers: callers, Keys: keys})
			}
		}
	}
	most := 0
	for _, load := range plan.Loads {
		most = max(most, load.Keys)
	}
	keys, err := benchKeys(key, most)
	plan.Wiring = Wiring{Keys: keys, Connections: p.connections, Timeout: p.timeout}
	return plan, err
}

// print prints what was measured, also where that ended with an error.
func (p *planFlags) print(c *Comparison, err error, stdout io.Writer) error {
	if c == nil {
		return err
	}
	if p.goals {
		c.HoldAgainstGoals()
	}
	write := c.Write
	if p.json {
		write = func(w io.Writer) error { return WriteJSON(w, c) }
	}
	return errors.Join(err, write(stdout))
}

// announce says how long it takes.
func announce(plan Plan, peers int, stderr io.Writer) {
	fmt.Fprintf(stderr, "seqd: measuring %s under %s, %s each; it takes a little more than %v\n",
		Counted(peers, "peer"), Counted(len(plan.Loads), "load"), Counted(plan.Rounds, "round"), plan.Takes(peers).Round(time.Second))
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
			return fmt.Errorf("%q is not a whole number of 1 or more", text)
		}
		if slices.Contains(all, x) {
			return fmt.Errorf("%d is named twice", x)
		}
		all = append(all, x)
	}
	*n = all
	return nil
}
