package history

import (
	"context"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// Check reads the incarnation, by a transaction that goes all the way, through
// consensus, quota and permissions, and holds it against what is known: in this
// process, or on this machine if this is the first time. The first worker of
// all creates it. Every recordSpacing, and when raft's term has changed, Check
// writes the maxima into it.
//
// It is also the way out of a fence: where an operator has raised the epoch, it
// takes the record for the truth. An [allocator.ErrFenced] is a [Fence].
//
// Check blocks until ctx ends at most. It is safe for concurrent use; one runs
// at a time.
func (g *Guard) Check(ctx context.Context) error {
	return g.alone(ctx, func() error { return g.check(ctx) })
}

// CheckOnce is Check, unless the record has been read before or the guard is
// fenced.
func (g *Guard) CheckOnce(ctx context.Context) error {
	return g.alone(ctx, func() error {
		if _, err := g.Begin(); !errors.Is(err, ErrUnread) {
			return err
		}
		return g.check(ctx)
	})
}

// alone has f run while no other check does. It waits until ctx ends at most.
func (g *Guard) alone(ctx context.Context, f func() error) error {
	select {
	case g.checking <- struct{}{}:
		defer func() { <-g.checking }()
		return f()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", allocator.ErrUnavailable, context.Cause(ctx))
	}
}

func (g *Guard) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), record.AttemptTimeout)
	defer cancel()
	for {
		if again, err := g.checkNow(ctx); err != nil || !again {
			return err
		}
	}
}

// checkNow checks once: it looks, judges, and does what the verdict is. again
// says that another worker has made the record meanwhile, which is there to be
// read now.
func (g *Guard) checkNow(ctx context.Context) (again bool, err error) {
	from, err := g.standpoint()
	if err != nil {
		return false, err
	}
	f, err := g.reader.read(ctx)
	if err != nil {
		return false, err
	}
	if from.first {
		from.past = from.memories.against(f.rec, g.memory.here).past
	}
	switch what, err := f.judge(from.past); {
	case err != nil:
		return false, g.refuse(ctx, from, f, err)
	case what == create:
		return g.create(ctx, f.now)
	case what == wait:
		return false, g.explain(g.wait(from, f), f)
	case what == adopt, g.outlived(f.rec.Epoch):
		if g.adopt(*f.rec, f.now) || from.past.Lineage != "" {
			g.says.jumped(*f.rec)
		}
	default:
		if err := g.agree(from.past, *f.rec, f.now); err != nil {
			return false, g.explain(err, f)
		}
	}
	return false, g.update(ctx, f)
}

// standpoint is what a check holds the record against. It is taken before the
// record is read, for it must not be later.
type standpoint struct {
	Sending
	past     past         // what this process knows; or, where it is
	first    bool         // the first time, one of
	memories recollection // what this machine remembers
}

func (g *Guard) standpoint() (s standpoint, err error) {
	g.mu.Lock()
	s.Sending = Sending{gen: g.gen.Load(), seen: g.past.Seen, at: time.Now()}
	s.past, s.first = g.past, !g.open.Load()
	fenced := g.fenced
	g.mu.Unlock()
	if !s.first {
		return s, nil
	}
	s.memories, err = g.memory.recall()
	if err != nil && fenced != nil {
		return s, g.explain(fenced, found{}) // deleting the file would be a way out; losing it is none
	}
	if err != nil {
		g.says.forgetful(err)
	}
	return s, nil
}

// refuse fences the guard because of err, which f was found to be, and tells
// others.
func (g *Guard) refuse(ctx context.Context, from standpoint, f found, err error) error {
	if from.past.Lineage == "" && f.rec != nil {
		from.past = pastOf(*f.rec) // so that this machine remembers, too
	}
	err = g.fence(err, from.past)
	return g.explain(err, g.tell(ctx, from, f, err))
}

// wait has a term that is too low pass, or fences the guard if it does not.
func (g *Guard) wait(from standpoint, f found) error {
	g.mu.Lock()
	err := g.termLocked(from.Sending, f.now.Term, max(from.past.Seen.Term, f.rec.Seen.Term))
	g.mu.Unlock()
	return g.fence(err, from.past)
}
