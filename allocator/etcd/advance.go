package etcd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// Advance reserves n ids of key: see [allocator.Counter]. A lost race is tried
// again at once, an ambiguous outcome after a pause, as long as ctx lasts.
func (c *Counter) Advance(ctx context.Context, key allocator.Key, n int) (allocator.Range, error) {
	w := make(answer, 1)
	a := &allocator.Advance{Ctx: ctx, Key: key, N: n, Done: w}
	a.Deadline, _ = ctx.Deadline()
	c.Start(a)
	select {
	case out := <-w:
		return out.ids, out.err
	case <-ctx.Done():
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

// Start is Advance that does not block: see [allocator.Starter]. A race counts
// as lost to somebody else, for an advance that yields, only if it was not lost
// to an earlier attempt of ours or because the record was not known yet.
func (c *Counter) Start(a *allocator.Advance) {
	d := newDrive()
	d.c, d.a, d.known = c, a, c.belief(a.Key)
	d.swap.path = c.Path(a.Key)
	d.attempt()
}

// drive is an advance on its way: one swap after the other, until one wins.
type drive struct {
	c     *Counter
	a     *allocator.Advance
	known belief          // what the attempt under way compares with
	ids   allocator.Range // what it reserves if it wins
	pause backoff
	swap  swap
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

// attempt sends the next swap.
func (d *drive) attempt() {
	ids, err := next(max(d.known.last, d.c.config.Floor(d.a.Key)), d.a.N)
	if err != nil {
		d.end(allocator.Range{}, fmt.Errorf("advance %s by %d: %w", d.swap.path, d.a.N, err))
		return
	}
	d.ids = ids
	d.swap.rev, d.swap.value = d.known.rev, record{last: ids.Last(), by: d.c.config.Writer}.encode()
	d.c.txns.start(&d.swap)
}

// swapped takes the outcome of an attempt.
func (d *drive) swapped(out outcome) {
	switch {
	case out.err == nil && out.won:
		d.c.learn(d.a.Key, belief{last: d.ids.Last(), rev: out.rev})
		d.end(d.ids, nil)
	case out.err == nil: // lost: somebody else's advance, or an earlier attempt of ours
		d.lost(out)
	case errors.Is(out.err, allocator.ErrFenced), errors.Is(out.err, errClosed):
		d.end(allocator.Range{}, fmt.Errorf("advance %s by %d: %w", d.swap.path, d.a.N, out.err))
	default:
		// Ambiguous. Known stays as it is: if the attempt was applied, or will
		// be, the next compare fails and brings the record along.
		if pause := d.pause.next(); !d.a.Ended(time.Now().Add(pause)) {
			time.AfterFunc(pause, d.attempt)
			return
		}
		d.end(allocator.Range{}, d.c.gaveUp(d.a.Key, d.a.N, out.err))
	}
}

// lost goes on from what a lost race has shown the record to be.
func (d *drive) lost(out outcome) {
	now, by, err := refresh(d.known, out)
	if err != nil {
		d.end(allocator.Range{}, fmt.Errorf("advance %s by %d: %w", d.swap.path, d.a.N, err))
		return
	}
	d.c.learn(d.a.Key, now)
	if d.a.Yield && d.known.rev != 0 && by != "" && by != d.c.config.Writer {
		d.end(allocator.Range{}, &allocator.LostRace{Winner: by})
		return
	}
	d.known = now
	d.attempt()
}

// end tells the outcome. d is used again.
func (d *drive) end(ids allocator.Range, err error) {
	a := d.a
	d.c, d.a, d.pause = nil, nil, backoff{}
	d.swap.path, d.swap.value = "", ""
	drives.Put(d)
	a.Done.Advanced(a, ids, err)
}

func (c *Counter) gaveUp(key allocator.Key, n int, err error) error {
	return fmt.Errorf("advance %s by %d, the mark may have moved: %w: %v", c.Path(key), n, allocator.ErrUnavailable, err)
}

// backoff spaces the attempts that follow an ambiguous outcome.
type backoff struct{ pause time.Duration }

const (
	minPause = 10 * time.Millisecond
	maxPause = 500 * time.Millisecond
)

// next returns half to all of a time that doubles.
func (b *backoff) next() time.Duration {
	b.pause = min(max(2*b.pause, minPause), maxPause)
	return b.pause/2 + rand.N(b.pause/2)
}
