package history

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// recordSpacing is how often the maxima are written into the record, unless
// raft's term has changed.
const recordSpacing = time.Minute

// Check reads the incarnation, by a transaction that goes all the way, through
// consensus, quota and permissions, and holds it against what is known: in this
// process, or on this machine if this is the first time. The first worker of
// all creates it. Every recordSpacing, and when raft's term has changed, check
// writes the maxima into it.
//
// It is also the way out of a fence: where an operator has raised the epoch, it
// takes the record for the truth.
//
// check blocks until ctx ends at most. It is safe for concurrent use; one runs
// at a time.
func (g *Guard) Check(ctx context.Context) error {
	return g.alone(ctx, func() error { return g.checkAlone(ctx) })
}

// CheckOnce is Check, unless the record has been read before or the guard is
// fenced.
func (g *Guard) CheckOnce(ctx context.Context) error {
	return g.alone(ctx, func() error {
		if _, err := g.Begin(); !errors.Is(err, ErrUnread) {
			return err
		}
		return g.checkAlone(ctx)
	})
}

func (g *Guard) alone(ctx context.Context, f func() error) error {
	select {
	case g.checking <- struct{}{}:
		defer func() { <-g.checking }()
		return f()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", allocator.ErrUnavailable, context.Cause(ctx))
	}
}

func (g *Guard) checkAlone(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), record.AttemptTimeout)
	defer cancel()
	for {
		if again, err := g.checkNow(ctx); err != nil || !again {
			return err
		}
	}
}

// checkNow checks once. again says that another worker has made the record
// meanwhile, which is there to be read now.
func (g *Guard) checkNow(ctx context.Context) (again bool, err error) {
	s, k, memories, first, err := g.start()
	if err != nil {
		return false, err
	}
	f, err := g.read(ctx)
	if err != nil {
		return false, err
	}
	if first {
		k = memories.against(f.rec, g.memory.here).known
	}
	what, err := f.judge(k)
	if err != nil {
		if k.Store == "" && f.rec != nil && errors.Is(err, allocator.ErrFenced) {
			k = known{Incarnation: *f.rec, recorded: f.rec.Seen.Rev} // so that this machine remembers, too
		}
		err = g.fenceFor(err, k)
		f = g.tell(ctx, f, k, first, err)
		return false, g.explain(err, f)
	}
	if what == keep && g.outlived(f.rec.Epoch) {
		what = adopt
	}
	switch what {
	case create:
		return g.create(ctx, f.now)
	case wait:
		g.mu.Lock()
		err := g.termLocked(s, f.now.Term, max(k.Seen.Term, f.rec.Seen.Term))
		g.mu.Unlock()
		return false, g.explain(g.fenceFor(err, k), f)
	case adopt:
		if g.adopt(*f.rec, f.now) || k.Store != "" {
			g.log.Info("etcd's epoch was raised: going on", "incarnation", f.rec.Store, "epoch", f.rec.Epoch, "floor", f.rec.Floor)
		}
	default:
		if err := g.agreed(k, *f.rec, f.now); err != nil {
			return false, g.explain(err, f)
		}
	}
	return false, g.record(ctx, f.kv, *f.rec)
}

// start returns what check holds the record against: k, or, where first tells
// that this process has no knowledge of its own yet, one of what this machine
// remembers. That is read before the record is, for it must not be later.
func (g *Guard) start() (s Sending, k known, memories recollection, first bool, err error) {
	g.mu.Lock()
	s = Sending{gen: g.gen.Load(), seen: g.known.Seen, at: time.Now()}
	k, first = g.known, !g.open.Load()
	fenced := g.fenced
	g.mu.Unlock()
	if !first {
		return s, k, nil, false, nil
	}
	memories, err = g.memory.recall()
	if err != nil && fenced != nil {
		return s, k, nil, true, g.explain(fenced, found{}) // deleting the file would be a way out; losing it is none
	}
	if err != nil {
		g.complain(err)
	}
	return s, k, memories, true, nil
}

// create makes the first record. again says that another worker was faster.
func (g *Guard) create(ctx context.Context, now record.Sight) (again bool, err error) {
	rec := record.Incarnation{Store: record.NewUUID(), Seen: now}
	path := g.prefix.Incarnation()
	// Not in the transaction: some etcds take one operation only (--max-txn-ops).
	// Nobody makes a counter while there is no incarnation.
	counters, err := g.kv.Get(ctx, g.prefix.Counters(), clientv3.WithPrefix(), clientv3.WithLimit(1), clientv3.WithKeysOnly())
	if err != nil {
		return false, dial.Advise(fmt.Errorf("%w: look for counters: %w", allocator.ErrUnavailable, err), err)
	}
	resp, err := g.kv.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(path), "=", 0)).
		Then(clientv3.OpPut(path, rec.Encode())).
		Commit()
	switch {
	case err != nil:
		return false, dial.Advise(fmt.Errorf("%w: write etcd's incarnation, which may be there now: %w", allocator.ErrUnavailable, err), err)
	case !resp.Succeeded:
		return true, nil
	}
	if len(counters.Kvs) > 0 {
		g.log.Warn("counters were there without an incarnation: taking them as they are", "prefix", g.prefix, "incarnation", rec.Store,
			"hint", "fine after an upgrade; if etcd was restored, "+wayOut)
	}
	g.adopt(rec, now)
	g.recorded = time.Now()
	g.Save()
	return false, nil
}

// record writes the maxima into the record, which is rec in kv, if it is time,
// and to this machine.
func (g *Guard) record(ctx context.Context, kv *mvccpb.KeyValue, rec record.Incarnation) error {
	defer g.Save()
	g.mu.Lock()
	now := rec
	now.Seen = g.known.Seen
	g.mu.Unlock()
	if now.Seen.Term == rec.Seen.Term && !g.recorded.IsZero() && time.Since(g.recorded) < recordSpacing {
		return nil
	}
	replaced, err := g.replace(ctx, kv, now)
	if err != nil {
		return err
	}
	if replaced {
		g.mu.Lock()
		g.known.recorded = max(g.known.recorded, now.Seen.Rev)
		g.mu.Unlock()
	} // else another worker has written it, or an operator: the next check reads it
	g.recorded = time.Now()
	return nil
}

// replace writes rec in place of kv, unless somebody else has written since kv
// was read.
func (g *Guard) replace(ctx context.Context, kv *mvccpb.KeyValue, rec record.Incarnation) (replaced bool, err error) {
	path := string(kv.Key)
	resp, err := g.kv.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(path), "=", kv.ModRevision)).
		Then(clientv3.OpPut(path, rec.Encode())).
		Commit()
	if err != nil {
		return false, fmt.Errorf("%w: write etcd's incarnation: %w", allocator.ErrUnavailable, err)
	}
	return resp.Succeeded, nil
}

// Save writes what is known to the state file.
func (g *Guard) Save() {
	g.mu.Lock()
	k, open := g.known, g.open.Load()
	g.mu.Unlock()
	if open {
		g.remember(k)
	}
}

func (g *Guard) remember(k known) {
	if err := g.memory.save(k); err != nil {
		g.complain(err)
	}
}

// complain says once that the guard goes on without a memory.
func (g *Guard) complain(err error) {
	g.unsaved.Do(func() {
		g.log.Warn("can't remember etcd's history on this machine: a worker that starts after etcd was restored may not notice", "err", err,
			"hint", "--state-dir must be a folder that this user can write to, with files that this version understands; none does without")
	})
}
