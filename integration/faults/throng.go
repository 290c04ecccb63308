package faults

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	seqd "github.com/seqd-io/seqd/clients/go"
)

// throng is callers who ask for leased ids as fast as they get them, and tallies of
// what they got. Unlike a load it keeps no record: what is remembered of a request
// ends with its answer.
type throng struct {
	keys    []allocator.Key
	tallies []tally // one for each key
	now     func() int64
	spacing time.Duration // between a caller's requests; 0: none
	lines   []*line
	sweeper sync.WaitGroup
	ctx     context.Context
	cancel  context.CancelFunc

	answered atomic.Int64 // requests that got ids
	ids      atomic.Int64
	calls    atomic.Int64 // of the Go client, that ended
	failures atomic.Int64 // of requests and calls

	mu       sync.Mutex
	problems []error        // a few
	outcomes map[string]int // how requests failed
	failedOf map[allocator.Key]int
	badCalls int     // of the Go client, that failed
	twice    []int64 // when requests were sent that two workers answered
}

const (
	lines          = 4
	callersOfLine  = 48
	throngPatience = noPatience
	maxProblems    = 20

	// recent is how many requests of a caller are remembered for a second answer. It
	// comes after a cut of a few seconds.
	recent = 4096
)

// newThrong returns callers that do not ask yet. now gives stamps.
func newThrong(keys []allocator.Key, now func() int64) *throng {
	return &throng{keys: keys, tallies: make([]tally, len(keys)), now: now, outcomes: map[string]int{}, failedOf: map[allocator.Key]int{}}
}

// start has callers ask until they are stopped.
func (c *throng) start(t testing.TB, s *system) {
	t.Helper()
	c.ctx, c.cancel = context.WithCancel(context.Background())
	for i := range lines {
		nc, err := s.nats[i%len(s.nats)].connect("caller", append(seqd.ConnectOptions(),
			nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))...)
		if err != nil {
			t.Fatal(err)
		}
		l := &line{throng: c, nc: nc, inbox: nats.NewInbox(), rnd: rand.New(rand.NewPCG(rand.Uint64(), uint64(i))), callers: make([]caller, callersOfLine), left: map[string]asked{}}
		if _, err := nc.Subscribe(l.inbox+".*.*", l.hear); err != nil {
			t.Fatal(err)
		}
		c.lines = append(c.lines, l)
		c.sweeper.Go(func() { l.sweep(c.ctx) })
	}
	t.Cleanup(func() { c.stop(); c.close() })
}

// stop has nobody ask any more. Answers are still heard.
func (c *throng) stop() {
	c.cancel()
	c.sweeper.Wait()
	for _, l := range c.lines {
		l.mu.Lock()
		l.done = true
		l.mu.Unlock()
	}
}

func (c *throng) close() {
	for _, l := range c.lines {
		l.nc.Close()
	}
}

func (c *throng) failed(key int, outcome string) {
	c.failures.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outcomes[outcome]++
	c.failedOf[c.keys[key]]++
}

// pause draws for how long a caller waits that has got ids.
func (c *throng) pause(rnd *rand.Rand) time.Duration {
	if c.spacing == 0 {
		return 0
	}
	return c.spacing/2 + time.Duration(rnd.Int64N(int64(c.spacing)))
}

func (c *throng) problemf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, fmt.Errorf(format, args...))
	}
}

// found returns what is wrong so far, when requests were sent that two workers
// answered, and how requests failed.
func (c *throng) found() (problems []error, twice []int64, outcomes map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.problems), slices.Clone(c.twice), maps.Clone(c.outcomes)
}

// inOrder reports whether ids of a key and a mode have to be above all that were
// known.
func inOrder(key allocator.Key, strong bool) bool { return strong || isLeased(key) }

// unheard returns the requests that were never answered, whose callers have given
// up.
func (c *throng) unheard() (all []asked) {
	for _, l := range c.lines {
		l.mu.Lock()
		for _, a := range l.left {
			all = append(all, a)
		}
		l.mu.Unlock()
	}
	return all
}

// settle returns those unheard requests that were sent before a stamp and that it
// has not returned so far. An answer is held against U and S even after that.
func (c *throng) settle(before int64) (all []asked) {
	for _, l := range c.lines {
		l.mu.Lock()
		for end, a := range l.left {
			if !a.settled && a.sent < before {
				all = append(all, a)
				a.settled = true
				l.left[end] = a
			}
		}
		l.mu.Unlock()
	}
	return all
}

func (c *throng) failuresOf(key allocator.Key) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failedOf[key]
}

// call has callers of the Go client ask until the throng is stopped.
func (c *throng) call(n int) error {
	for i := range n {
		client, err := seqd.New(c.lines[i%len(c.lines)].nc, seqd.WithTimeout(callTimeout))
		if err != nil {
			return err
		}
		c.sweeper.Go(func() {
			for rnd := rand.New(rand.NewPCG(rand.Uint64(), uint64(i))); c.ctx.Err() == nil; {
				c.callOnce(client, rnd)
				sleep(c.ctx, c.pause(rnd))
			}
		})
	}
	return nil
}

func (c *throng) callOnce(client *seqd.Client, rnd *rand.Rand) {
	i, strong, known := rnd.IntN(len(c.keys)), rnd.IntN(2) == 0, int64(0)
	key := c.keys[i]
	strong = strong || key.Store == strongKeys[0].Store
	if inOrder(key, strong) {
		known = c.tallies[i].known()
	}
	ids, err := client.NextN(context.Background(), key.Store, key.Name, 1+rnd.IntN(maxN), seqd.WithMode(mode(strong)))
	c.calls.Add(1)
	if err != nil {
		c.failed(i, outcomeOf(err))
		c.mu.Lock()
		defer c.mu.Unlock()
		c.badCalls++
		return
	}
	c.answered.Add(1)
	c.ids.Add(int64(ids.N))
	if err := c.tallies[i].add(allocator.Range{First: ids.First, N: ids.N}, known); err != nil {
		c.problemf("%s, of the Go client: %v", key.Name, err)
	}
}
