package etcd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/internal/backoff"
)

// Advance reserves n ids of key: see allocator.Counter. As long as ctx lasts, it tries
// again at once after a lost race, and after a wait where the outcome is ambiguous.
func (c *Counter) Advance(ctx context.Context, key allocator.Key, n int) (allocator.Range, error) {
	w := make(answer, 1)
	a := &allocator.Advance{Ctx: ctx, Key: key, N: n, Done: w}
	a.Deadline, _ = ctx.Deadline()
	c.Start(a)
	select {
	case out := <-w:
		return out.ids, out.err
	case <-ctx.Done():
		go func() { // until the attempt under way has ended
			if out := <-w; out.err == nil {
				c.skipped(key, n, allocator.GapExpired)
			}
		}()
		return allocator.Range{}, c.gaveUp(key, n, context.Cause(ctx))
	}
}

// answer has room for the one outcome of an advance.
type answer chan struct {
	ids allocator.Range
	err error
}

func (w answer) Advanced(_ *allocator.Advance, ids allocator.Range, err error) {
	w <- struct {
		ids allocator.Range
		err error
	}{ids, err}
}

// Start does what Advance does, and does not block: see allocator.Starter. For an
// advance that yields, a race counts as lost to somebody else unless it was lost to an
// earlier attempt of this Counter. This is also so where the record was not known yet.
// The process that wrote it may be advancing it, and racing that process would take
// the key away from where all others have come to ask.
func (c *Counter) Start(a *allocator.Advance) {
	d := newDrive()
	d.c, d.a = c, a
	d.swap.Path, d.swap.store, d.swap.deadline = c.Path(a.Key), a.Key.Store, a.Deadline
	if !c.guard.Open() {
		go d.open() // at the start of the process only
		return
	}
	d.begin()
}

// drive is an advance on its way: one swap after the other, until one wins.
type drive struct {
	c       *Counter
	a       *allocator.Advance
	known   belief            // what the attempt under way compares with
	ids     allocator.Range   // what it reserves if it wins
	tenure  *allocator.Tenure // in which, if the key is to be owned
	created int64             // of the session that stands for it
	backoff backoff.Backoff
	swap    swap

	looking bool  // the attempt under way only reads the records
	seen    int64 // the record's ModRevision when one did
	part    part  // the answers that it records
}

// drives are used again.
var drives sync.Pool

func newDrive() *drive {
	if d, ok := drives.Get().(*drive); ok {
		return d
	}
	d := new(drive)
	d.swap.ended = func(now time.Time) bool { return d.a.Ended(now) }
	d.swap.done = d.swapped
	return d
}

// open has the incarnation read once, before anything is issued. Once it is
// fenced, only Ready looks again.
func (d *drive) open() {
	ctx, cancel := d.a.Context()
	defer cancel()
	for !d.c.guard.Open() {
		err := d.c.guard.CheckOnce(ctx)
		switch {
		case err == nil:
		case errors.Is(err, allocator.ErrFenced), errors.Is(err, allocator.ErrUnreadable):
			d.fail(err)
			return
		case d.c.txns.ctx.Err() != nil:
			d.fail(errClosed)
			return
		case !d.backoff.Wait(ctx, d.c.jitter):
			d.fail(err)
			return
		}
	}
	d.begin()
}

func (d *drive) begin() {
	d.known = d.c.belief(d.a.Key)
	d.attempt()
}

// attempt sends the next swap.
func (d *drive) attempt() {
	d.swap.Guards, d.swap.News = d.swap.Guards[:0], d.swap.News[:0]
	n := d.choose(0)
	if n == 0 { // all was answered before
		d.end(allocator.Range{}, nil)
		return
	}
	ids, err := d.c.next(d.a.Key, d.known, d.a.Above, n)
	switch {
	case errors.Is(err, allocator.ErrExhausted) && (d.known.rev == 0 || d.unlooked() || d.c.periods(d.a.Key) && d.seen != d.known.rev):
		// Perhaps it is not: the incarnation's floor is not for a record that is
		// there and merely not known, and by another worker's clock the next period
		// has perhaps begun. And what was answered once is answered again.
		d.looking = true
		d.swap.Rev, d.swap.Value = record.Never, ""
		d.lookUp()
	case err != nil:
		d.fail(err)
		return
	default:
		d.ids, d.looking = ids, false
		rec := record.Counter{Last: ids.Last(), By: d.c.config.Writer, Periods: d.c.periods(d.a.Key)}
		if d.a.Owned {
			if d.tenure, d.created, err = d.c.session.current(d.c.config.Now()); err != nil {
				d.sessionless(err)
				return
			}
			rec.Owner = d.c.config.Writer
			d.swap.Guards = append(d.swap.Guards, record.Guard{Path: d.c.prefix.Session(rec.Owner), Created: d.created})
		}
		if d.c.others(d.known.owner) { // and gone
			d.swap.Guards = append(d.swap.Guards, record.Guard{Path: d.c.prefix.Session(d.known.owner)})
		}
		d.swap.Rev, d.swap.Value = d.known.rev, rec.Encode()
		if len(d.part.of) > 0 && !d.answer(rec.Periods) {
			return
		}
	}
	d.c.txns.start(&d.swap)
}

// swapped takes the outcome of an attempt.
func (d *drive) swapped(out outcome) {
	switch {
	case out.err == nil && out.Won:
		b := belief{last: d.ids.Last(), rev: out.Rev, gen: d.known.gen, spent: d.ids.Last()}
		if d.a.Owned {
			b.owner = d.c.config.Writer
		}
		if err := d.c.learn(d.a.Key, b, d.ids.First-1); err != nil {
			d.fail(err)
			return
		}
		d.c.tookOver(d.a.Key, d.known.owner)
		if rest := d.answered(); !d.part.whole {
			d.known = b
			d.attempt()
		} else {
			d.a.Tenure = d.tenure
			d.end(rest, nil)
		}
	case out.err == nil:
		d.notWon(out)
	case errors.Is(out.err, allocator.ErrFenced), errors.Is(out.err, allocator.ErrBusy), errors.Is(out.err, errClosed):
		d.fail(out.err)
	default:
		// Ambiguous. Known stays as it is: if the attempt was applied, or will
		// be, the next compare fails and brings the record along.
		if !d.looking && perhapsApplied(out.err) {
			d.c.skipped(d.a.Key, d.ids.N, allocator.GapAmbiguous)
		}
		if d.refitted(out.err) {
			d.attempt()
		} else {
			d.later(out.err)
		}
	}
}

// notWon goes on from an attempt that has written nothing, and has brought back
// what it found.
func (d *drive) notWon(out outcome) {
	settled, err := d.settle(out.Found)
	if d.looking && out.KV != nil {
		d.seen = out.KV.ModRevision
	}
	switch {
	case err != nil:
		d.fail(err)
	case d.looking && out.KV == nil && !settled:
		d.fail(allocator.ErrExhausted)
	case d.looking && out.KV == nil, settled && d.asKnown(out):
		d.attempt()
	case !d.looking && len(d.swap.Guards) > 0 && d.asKnown(out):
		d.unguarded()
	default: // somebody else's advance, or an earlier attempt of ours
		d.lost(out)
	}
}

// later sends another swap after a wait, or ends the advance with err if its time
// would be up by then.
func (d *drive) later(err error) {
	if wait := d.backoff.Next(d.c.jitter); !d.a.Ended(time.Now().Add(wait)) {
		time.AfterFunc(wait, d.attempt)
		return
	}
	d.end(allocator.Range{}, d.c.gaveUp(d.a.Key, d.a.Total(), err))
}

// sessionless goes on from an attempt that can't be made, as this process has no
// session: after a fence it gets none.
func (d *drive) sessionless(err error) {
	if _, fenced := d.c.guard.Begin(); errors.Is(fenced, allocator.ErrFenced) {
		d.fail(fenced)
		return
	}
	d.later(err)
}

// asKnown reports whether the record was what the attempt compared with, which so
// was not won for another one's sake: a session's, or an answer's.
func (d *drive) asKnown(out outcome) bool {
	if out.KV == nil {
		return d.known.rev == 0
	}
	return out.KV.ModRevision == d.known.rev
}

// unguarded goes on from an attempt that lost because this process's session has
// gone, or that of the key's owner has not.
func (d *drive) unguarded() {
	if owner := d.known.owner; d.c.others(owner) {
		d.c.isBack(owner)
		if d.owned(owner) {
			return
		}
	} else {
		d.c.session.gone(d.created)
	}
	d.later(errNoSession)
}

// owned goes on from finding that the key is another process's. It returns false
// if that one has gone.
func (d *drive) owned(owner string) bool {
	if gone, _ := d.c.isGone(owner); gone {
		return false
	}
	d.unsettle()
	if d.a.Asked == owner {
		d.c.await(owner, d)
	} else {
		d.end(allocator.Range{}, &allocator.LostRace{Winner: owner, Owner: true})
	}
	return true
}

// lost goes on from what a lost race has shown the record to be.
func (d *drive) lost(out outcome) {
	now, by, err := refresh(d.known, out, d.c.periods(d.a.Key))
	others := d.c.others(now.owner)
	switch {
	case err != nil:
	case others: // of another one's window nothing follows, but that it is above what is spent
		err = d.c.belief(d.a.Key).fallen(now.last, now.rev)
	default:
		err = d.c.learn(d.a.Key, now, now.last)
	}
	if err != nil {
		d.fail(err)
		return
	}
	if others {
		if d.known = now; !d.owned(now.owner) {
			d.attempt()
		}
		return
	}
	if d.a.Yield && d.c.others(by) {
		d.end(allocator.Range{}, &allocator.LostRace{Winner: by})
		return
	}
	d.known = now
	d.attempt()
}

// fail ends an advance that nothing more can be done for.
func (d *drive) fail(err error) {
	d.end(allocator.Range{}, fmt.Errorf("advance %s by %d: %w", d.swap.Path, d.a.Total(), err))
}

// end tells the outcome. d is used again.
func (d *drive) end(ids allocator.Range, err error) {
	a := d.a
	if errors.Is(err, allocator.ErrFenced) { // an answer that was found has perhaps ids that were issued before etcd went back
		for i := range a.Answers {
			a.Answers[i].IDs, a.Answers[i].Replayed = allocator.Range{}, false
		}
	}
	d.c, d.a, d.backoff, d.tenure = nil, nil, backoff.Backoff{}, nil
	d.swap.Path, d.swap.Value = "", ""
	clear(d.swap.News)
	d.part, d.seen = part{of: d.part.of[:0]}, 0
	drives.Put(d)
	a.Done.Advanced(a, ids, err)
}

func (c *Counter) gaveUp(key allocator.Key, n int, err error) error {
	return fmt.Errorf("advance %s by %d, the mark may have moved: %w: %w", c.Path(key), n, allocator.ErrUnavailable, err)
}
