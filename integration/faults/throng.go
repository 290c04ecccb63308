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
	lines   []*line
	sweeper sync.WaitGroup
	cancel  context.CancelFunc

	answered atomic.Int64 // requests that got ids
	ids      atomic.Int64

	mu       sync.Mutex
	problems []error        // a few
	outcomes map[string]int // how requests failed
	twice    []int64        // when requests were sent that two workers answered
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

// startThrong has callers ask until they are stopped. now gives stamps.
func startThrong(t testing.TB, s *system, keys []allocator.Key, now func() int64) *throng {
	t.Helper()
	c := &throng{keys: keys, tallies: make([]tally, len(keys)), now: now, outcomes: map[string]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	for i := range lines {
		nc, err := nats.Connect("nats://"+s.nats[i%len(s.nats)].addr, append(seqd.ConnectOptions(),
			nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))...)
		if err != nil {
			t.Fatal(err)
		}
		l := &line{throng: c, nc: nc, inbox: nats.NewInbox(), rnd: rand.New(rand.NewPCG(rand.Uint64(), uint64(i))), callers: make([]caller, callersOfLine), left: map[string]asked{}}
		if _, err := nc.Subscribe(l.inbox+".*.*", l.hear); err != nil {
			t.Fatal(err)
		}
		c.lines = append(c.lines, l)
		c.sweeper.Go(func() { l.sweep(ctx) })
	}
	t.Cleanup(func() { c.stop(); c.close() })
	return c
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

func (c *throng) failed(outcome string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outcomes[outcome]++
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
