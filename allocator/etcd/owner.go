package etcd

import (
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/internal/backoff"
)

// owner is another process that owns keys which advances here wait for. Its
// session is looked at until it is gone, until it is renewed, or until it has
// stood still for as long as ChallengerWaits says. Then it is deleted, and the
// keys are free.
//
// How long it stands still is counted by this process's clock, from after it has
// seen the record. What etcd or the owner take the time for does not matter. The
// delete compares with what was seen: if it succeeds, no renewal came meanwhile.
type owner struct {
	id      string
	waiting []*drive // Counter.mu guards it
}

const (
	// A process that stops lets go of its keys within milliseconds; so an owner is
	// first looked at often.
	firstLook = 5 * time.Millisecond
	lookEvery = 250 * time.Millisecond // at most

	// maxGone bounds how many processes are remembered to have gone.
	maxGone = 1024
)

// others reports whether a record names another process there, as its owner or its
// writer.
func (c *Counter) others(id string) bool { return id != "" && id != c.config.Writer }

// await has d go on when its key's owner has gone, or has renewed its session.
func (c *Counter) await(id string, d *drive) {
	c.mu.Lock()
	o := c.owners[id]
	begin := o == nil
	if begin {
		o = &owner{id: id}
		c.owners[id] = o
	}
	o.waiting = append(o.waiting, d)
	c.mu.Unlock()
	if begin {
		go c.watch(o) // one for an owner that does not answer, not for each request
	}
}

// watch looks at o's session until it knows what has become of it.
func (c *Counter) watch(o *owner) {
	var seen *mvccpb.KeyValue
	var since time.Time
	pause := firstLook
	for {
		now, err := c.look(o.id)
		at := c.config.Now()
		switch {
		case c.txns.ctx.Err() != nil:
			c.decided(o, errClosed, false)
			return
		case errors.Is(err, allocator.ErrFenced):
			c.decided(o, err, false)
			return
		case err != nil:
		case now == nil:
			c.decided(o, nil, false)
			return
		case seen == nil:
			seen, since = now, at
		case now.ModRevision != seen.ModRevision:
			c.decided(o, &allocator.LostRace{Winner: o.id, Owner: true}, false)
			return
		default:
			session, err := record.DecodeSession(now.Value)
			if err != nil {
				c.decided(o, err, false)
				return
			}
			if at.Sub(since) < session.ChallengerWaits() {
				break
			}
			if left, err := c.deleteSession(c.txns.ctx, o.id, seen.ModRevision); err == nil && left == nil {
				c.decided(o, nil, true)
				return
			}
		}
		c.giveUp(o)
		backoff.Sleep(c.txns.ctx, pause)
		pause = min(pause*3/2, lookEvery)
	}
}

// look reads a session's record. nil says that there is none.
func (c *Counter) look(id string) (*mvccpb.KeyValue, error) {
	resp, err := c.txns.txn(c.txns.ctx, func(txn clientv3.Txn) clientv3.Txn {
		return txn.Then(clientv3.OpGet(c.prefix.Session(id)))
	})
	if err != nil {
		return nil, err
	}
	if kvs := resp.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
		return kvs[0], nil
	}
	return nil, nil
}

// decided has all go on that wait for o. err nil says that it has gone; deposed,
// that this process has seen to that.
func (c *Counter) decided(o *owner, err error, deposed bool) {
	c.mu.Lock()
	waiting := o.waiting
	delete(c.owners, o.id)
	if err == nil {
		if len(c.gone) >= maxGone {
			clear(c.gone)
		}
		c.gone[o.id] = deposed
	}
	c.mu.Unlock()
	for _, d := range waiting {
		if err == nil {
			d.attempt()
		} else {
			d.fail(err)
		}
	}
}

// giveUp ends the advances that wait for o and whose time is up.
func (c *Counter) giveUp(o *owner) {
	now := time.Now()
	var ended []*drive
	c.mu.Lock()
	waiting := o.waiting[:0]
	for _, d := range o.waiting {
		if d.a.Ended(now) {
			ended = append(ended, d)
		} else {
			waiting = append(waiting, d)
		}
	}
	clear(o.waiting[len(waiting):])
	o.waiting = waiting
	c.mu.Unlock()
	for _, d := range ended {
		d.fail(fmt.Errorf("%w: the key's owner %s does not answer, and may not be replaced yet", allocator.ErrUnowned, o.id))
	}
}

// isGone reports whether the session of a process was found to have gone, and
// whether this process has deposed it.
func (c *Counter) isGone(id string) (gone, deposed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	deposed, gone = c.gone[id]
	return gone, deposed
}

// isBack notes that a process which was taken for gone has a session.
func (c *Counter) isBack(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.gone, id)
}

// tookOver tells that key, which was another process's, is this one's.
func (c *Counter) tookOver(key allocator.Key, from string) {
	if !c.others(from) || c.hooks.Observer == nil {
		return
	}
	why := allocator.TakeoverGone
	if _, deposed := c.isGone(from); deposed {
		why = allocator.TakeoverStood
	}
	c.hooks.Observer.TookOver(key.Store, why)
}
