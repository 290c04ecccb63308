package faults

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// receipts are the callers of billKeys for a long time. What they got is held
// against U and S as it comes, and each idempotency key is used once more after a
// while and then forgotten, so that memory is bounded.
type receipts struct {
	*bills
	tallies map[allocator.Key]*tally
	repeats int      // that were made
	queue   []repeat // in no order; mu of bills guards both
}

// repeat is a bill that is asked for once more.
type repeat struct {
	bill *bill
	due  time.Time
}

// The time after which a bill is repeated. It has to be less than the workers'
// idempotency window, ten minutes.
const soonest, latest = 500 * time.Millisecond, 40 * time.Second

func newReceipts(r *run, keys []allocator.Key, tallies map[allocator.Key]*tally) *receipts {
	c := &receipts{tallies: tallies}
	c.bills = newBills(r)
	c.bills.keys = keys
	c.bills.tallies = tallies
	return c
}

// start has callers ask until they are stopped.
func (c *receipts) start() {
	c.each(billCallers, func(ctx context.Context, rnd *rand.Rand, i int) {
		w := c.want(ctx, rnd, i)
		if w.once == "" {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.queue = append(c.queue, repeat{w, time.Now().Add(soonest + time.Duration(rnd.Int64N(int64(latest-soonest))))})
	})
	c.each(repeaters, func(_ context.Context, _ *rand.Rand, i int) {
		if w := c.next(time.Now()); w != nil {
			c.again(i, w)
		}
	})
}

// next takes a bill out of the queue that is due; nil: none is.
func (c *receipts) next(now time.Time) *bill {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.queue, func(r repeat) bool { return r.due.Before(now) })
	if i < 0 {
		return nil
	}
	w, last := c.queue[i].bill, len(c.queue)-1
	c.queue[i] = c.queue[last]
	c.queue = c.queue[:last]
	return w
}

func (c *receipts) again(repeater int, w *bill) {
	c.repeat(repeater, w)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.repeats++
}

// rest repeats what was not repeated so far. The callers have to be stopped.
func (c *receipts) rest() {
	var all sync.WaitGroup
	for i := range repeaters {
		all.Go(func() {
			for w := c.next(time.Now().Add(latest)); w != nil; w = c.next(time.Now().Add(latest)) {
				c.again(i, w)
			}
		})
	}
	all.Wait()
}

// found returns what is wrong so far.
func (c *receipts) found() []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.problems)
}
