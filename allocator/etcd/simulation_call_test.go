package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// call is a request in a worker's hands, as package worker has it.
type call struct {
	allocator.Request
	sw      *simWorker
	ask     *ask
	hops    int  // from worker to worker, so far
	revoked bool // sw had revoked all ids before it came
}

const maxHops = 3

// handle takes a request that has come, from a caller (0 hops) or another worker.
func (sw *simWorker) handle(a *ask, hops int) {
	c := &call{sw: sw, ask: a, hops: hops, revoked: sw.revoked.Load()}
	c.Request = allocator.Request{Key: a.op.Key, N: a.n, Deadline: a.deadline, Direct: hops > 0, Waiter: c, Above: sw.above(a.op.Key)}
	switch {
	case a.once != "":
		c.once()
	case sw.leases(c.Key):
		ids, owner, ok := sw.issuer.TakeOwned(c.Key, c.N, c.Above, sw.now())
		switch {
		case ok:
			sw.tally.add("owned from memory")
			c.answer(ids, nil)
		case owner != "":
			c.lost(owner)
		default:
			c.allocate()
		}
	case a.how == take:
		if ids, ok := sw.issuer.Take(c.Key, c.N, c.Above); ok {
			sw.tally.add("weak from memory")
			c.answer(ids, nil)
			return
		}
		c.allocate()
	case a.how == advance && !sw.plan.leased(c.Key):
		sw.tally.add("advance")
		go c.advance()
	case a.how != weak && !c.Direct && sw.issuer.Rival(c.Key) != "":
		c.lost(sw.issuer.Rival(c.Key))
	default:
		c.allocate()
	}
}

// leases reports whether the worker owns keys of that store.
func (sw *simWorker) leases(key allocator.Key) bool { return sw.lease > 0 && sw.plan.leased(key) }

func (c *call) allocate() {
	switch issuer := c.sw.issuer; {
	case c.ask.once != "":
		c.sw.tally.add("once")
		issuer.AllocateOnce(&c.Request, c.sw.leases(c.Key))
	case c.sw.leases(c.Key):
		issuer.AllocateOwned(&c.Request)
	case c.ask.how == weak || c.ask.how == take:
		c.sw.tally.add("weak")
		issuer.AllocateWeak(&c.Request)
	default:
		c.sw.tally.add("strong")
		issuer.AllocateStrong(&c.Request)
	}
}

func (c *call) advance() {
	ctx, cancel := context.WithDeadline(context.Background(), c.Deadline)
	defer cancel()
	c.answer(advances{c.sw.counter, c.sw.world}.Advance(ctx, c.Key, c.N))
}

// Allocated answers the request, or hands it over.
func (c *call) Allocated(_ *allocator.Request, ids allocator.Range, err error) {
	var lost *allocator.LostRace
	if !errors.As(err, &lost) {
		c.answer(ids, err)
		return
	}
	if lost.Owner {
		c.sw.tally.add("lost to an owner")
	}
	c.lost(lost.Winner)
}

// lost hands the request over to who has won.
func (c *call) lost(winner string) {
	switch {
	case c.hops >= maxHops:
		c.answer(allocator.Range{}, fmt.Errorf("%w: %d hops", allocator.ErrUnavailable, c.hops))
	case !c.Deadline.After(time.Now()):
		c.answer(allocator.Range{}, allocator.ErrExpired)
	default:
		if c.hops > 0 {
			c.sw.tally.add("handed on")
		}
		c.handOver(winner)
	}
}

// answer sends an answer to the caller.
func (c *call) answer(ids allocator.Range, err error) {
	if err == nil {
		c.audit(ids)
	}
	c.sw.whenThawed(func() {
		if c.sw.crashed.Load() {
			c.ask.died.Store(true)
			return
		}
		c.ask.told(c, ids, err)
	})
}

// audit holds ids against the record as it is at the instant when they are
// issued: nothing leaves a worker before the mark that covers it is durable, or
// after somebody else has claimed the key; but for those of a request that is made
// once, whose claim may have gone on for others of its batch, and are below what
// anybody reserves later.
func (c *call) audit(ids allocator.Range) {
	w := c.sw.world
	rec := recordIn(w.server.Value(pathOf(c.Key)))
	if w.rewound.Load() {
		return
	}
	if rec.Last < ids.Last() {
		w.t.Errorf("%s issues %v of %v, and the mark is at %d", c.sw.id, ids, c.Key, rec.Last)
	}
	if c.sw.leases(c.Key) && c.ask.once == "" && !w.plan.skewed() && rec.Owner != c.sw.id && (rec.Owner != "" || rec.By != c.sw.id) {
		w.t.Errorf("%s issues %v of %v, and the record is %+v", c.sw.id, ids, c.Key, rec)
	}
}

// wordTimeout is how long a worker waits for a word on what it has handed over.
const wordTimeout = 250 * time.Millisecond

// handOver sends the request to another worker, who answers the caller and sends
// a word back. Where none comes in time, or that it is not taken, the request
// stays here.
func (c *call) handOver(peer string) {
	sw, to := c.sw, c.sw.worker(peer)
	d := dice(sw.plan.seed, sw.id+" message", int(sw.messages.Add(1)))
	there, back, sent := upTo(d, 200*time.Microsecond), upTo(d, 200*time.Microsecond), time.Now()
	lost, wordLost := false, false
	if d.IntN(100) < sw.plan.faulty && !sw.quiet.Load() {
		switch d.IntN(3) {
		case 0:
			there, back = upTo(d, 600*time.Millisecond), upTo(d, 600*time.Millisecond)
			sw.tally.add("peer slow")
		case 1:
			lost = true
		case 2:
			wordLost = true
		}
	}
	var settled, took atomic.Bool
	settle := func(taken bool) {
		if sw.crashed.Load() {
			c.ask.died.Store(true)
			return
		}
		if !settled.CompareAndSwap(false, true) {
			sw.tally.add("word late")
			return
		}
		if !taken {
			if took.Load() { // the word was lost, or late: both will answer
				c.ask.mayRepeat.Store(true)
			}
			c.goOn(peer)
		}
	}
	time.AfterFunc(wordTimeout, func() {
		sw.whenThawed(func() {
			if !settled.Load() {
				settle(false)
			}
		})
	})
	if lost || sw.unheard() || to != nil && to.unheard() {
		sw.tally.add("message lost")
		return
	}
	if to == nil || to.gone() {
		sw.tally.add("nobody there")
		time.AfterFunc(there+back, func() { sw.whenThawed(func() { settle(false) }) })
		return
	}
	time.AfterFunc(there, func() {
		to.whenThawed(func() {
			taken := to.takes(c, sent)
			if taken {
				sw.tally.add("handed over")
				took.Store(true)
				if settled.Load() {
					c.ask.mayRepeat.Store(true)
				}
			} else {
				sw.tally.add("not taken")
			}
			if !wordLost {
				time.AfterFunc(back, func() { sw.whenThawed(func() { settle(taken) }) })
			}
		})
	})
}

// unheard reports whether messages between the worker and others are lost.
func (sw *simWorker) unheard() bool { return sw.severed.Load() || sw.cutOffPeers() }

// gone reports whether nobody hears what is sent to the worker.
func (sw *simWorker) gone() bool {
	select {
	case <-sw.ended:
		return true
	default:
		return false
	}
}

// takes handles a request that another worker hands over, if it is for this one
// to answer.
func (sw *simWorker) takes(c *call, sent time.Time) bool {
	switch {
	case sw.gone(), sw.drains.Load(), time.Since(sent) >= wordTimeout:
		return false
	case !sw.leases(c.Key) && sw.issuer.Rival(c.Key) != "":
		return false
	case sw.leases(c.Key) && time.Since(sw.began)-time.Duration(sw.renewed.Load()) > sw.lease: // it has left the queue group
		return false
	}
	sw.handle(c.ask, c.hops+1)
	return true
}

// goOn has the request served here, as far as the one that was asked in vain lets
// it be.
func (c *call) goOn(peer string) {
	c.sw.issuer.Refused(c.Key, peer)
	c.Direct, c.Asked = true, peer
	c.allocate()
}
