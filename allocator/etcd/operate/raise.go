package operate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/internal/backoff"
)

// Raise sees to it that a counter's mark is at least to, and makes the record if
// there is none. When it has returned, every id of an advance that begins is
// greater than to, and so is every id that a worker which owns the counter gives
// to a request from then on: Raise waits until that one has let go of what it
// held. If it does not, that takes as long as its lease, and a tenth of it.
//
// An [allocator.ErrUnreadable] or a [PeriodError] says that the record was left
// alone; a [HeldError], that the mark is raised and its owner perhaps has not let
// go; any other error, that the mark may have been raised.
func (a *Admin) Raise(ctx context.Context, key allocator.Key, to int64) (Change, error) {
	return a.raiseTo(ctx, key, &target{to: to})
}

// RaisePeriod raises as Raise does, for a counter that counts in periods: to an id
// of p, so that p has begun, if a later one has not. Only if counted says that the
// key's rules have it count in periods is a record made, or one that counts in none
// made one that does.
func (a *Admin) RaisePeriod(ctx context.Context, key allocator.Key, p allocator.Period, id int64, counted bool) (Change, error) {
	if p == 0 || id < 0 || id > allocator.MaxPeriodID {
		return Change{}, fmt.Errorf("raise %s: there is no id %d of a period that is day %d", a.prefix.Counter(key), id, p)
	}
	return a.raiseTo(ctx, key, &target{to: p.Mark(id), periods: true, begins: counted})
}

func (a *Admin) raiseTo(ctx context.Context, key allocator.Key, t *target) (Change, error) {
	m, err := a.Peek(ctx, key)
	if errors.Is(err, ErrNoRecord) {
		m, err = Mark{Key: key}, nil
	}
	if err == nil {
		err = m.Err
	}
	if err == nil {
		err = t.aim(&m)
	}
	if err != nil {
		return Change{}, fmt.Errorf("raise %s to %s: %w", a.prefix.Counter(key), t, err)
	}
	return a.raiseAndWait(ctx, m, t)
}

// Jump raises a counter's mark by that much, but not past the greatest id, of its
// period if it counts in periods, and waits as Raise does. The errors are those of
// Raise, and ErrNoRecord.
//
// Of a period that has begun since, and that the record says nothing of, it raises
// nothing.
func (a *Admin) Jump(ctx context.Context, key allocator.Key, by int64) (Change, error) {
	m, err := a.Peek(ctx, key)
	if err == nil {
		err = m.Err
	}
	if err != nil {
		return Change{}, fmt.Errorf("jump %s by %d: %w", a.prefix.Counter(key), by, err)
	}
	return a.raiseAndWait(ctx, m, jumpOf(m, by))
}

func (a *Admin) raiseAndWait(ctx context.Context, m Mark, t *target) (Change, error) {
	if m.Owner != "" {
		_, err := a.Session(ctx, m.Owner)
		if m.left = errors.Is(err, ErrNoSession); err != nil && !m.left {
			return changeOf(m), err
		}
	}
	change, err := a.raise(ctx, m, t)
	if err != nil {
		return change, err
	}
	raised := Raised{}
	raised.Add(change)
	return change, a.letGo(ctx, raised)
}

// raise swaps until the mark that was m is at least what t says. The record's owner stays:
// without one, others could reserve ids while it still issues lower ones. Only
// where it has left, and stays so until the swap, it is nobody's from then on.
//
// A mark that somebody owns is raised in any case, if only by one. Ids up to it
// may be on their way from its owner's memory, and what is left of them may be
// given back, which lowers the mark, to below to. This can't happen once there is
// an id which no window holds: only windows without a gap between are given back
// together, and a swap that gives back what was held before fails its compare.
func (a *Admin) raise(ctx context.Context, m Mark, t *target) (Change, error) {
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	change := changeOf(m)
	path := a.prefix.Counter(m.Key)
	var again backoff.Backoff
	for {
		if err := t.aim(&m); err != nil {
			return change, fmt.Errorf("raise %s to %s: %w", path, t, err)
		}
		if a.reached(m, t) {
			break
		}
		is := t.next(m)
		out, err := a.swap(ctx, a.put(m, is))
		switch {
		case err != nil && !again.Wait(ctx, rand.N[time.Duration]):
			return change, fmt.Errorf("raise %s to %s, the mark may have been raised: %w", path, t, err)
		case err != nil: // if it was applied, the next compare fails and brings the record along
		case out.Won:
			m.Last, m.By, m.began = is, a.by, false
			if m.left {
				m.Owner = ""
			}
		case out.KV == nil:
			m = Mark{Key: m.Key, Periods: m.Periods}
		default:
			if m = markOf(m.Key, out.KV.Value, out.KV.ModRevision); m.Err != nil {
				return change, fmt.Errorf("raise %s to %s: %w", path, t, m.Err)
			}
		}
	}
	change.Is, change.Periods, change.Owner = m.Last, m.Periods, m.Owner
	return change, nil
}

// reached reports whether nothing is left to be done about a mark that t was aimed
// at.
func (a *Admin) reached(m Mark, t *target) bool {
	return m.last() >= t.to && (m.Owner == "" || m.By == a.by)
}

// put is the swap that raises a mark.
func (a *Admin) put(m Mark, to int64) *record.Swap {
	s := &record.Swap{Path: a.prefix.Counter(m.Key), Rev: m.rev}
	rec := record.Counter{Last: to, By: a.by, Owner: m.Owner, Periods: m.Periods}
	if m.left {
		rec.Owner, s.Guards = "", []record.Guard{{Path: a.prefix.Session(m.Owner)}}
	}
	s.Value = rec.Encode()
	return s
}
