package etcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
)

// recordSpacing is how often the maxima are written into the record, unless
// raft's term has changed.
const recordSpacing = time.Minute

// wayOut ends what is said of a fence.
const wayOut = "raise the counters above every issued id with: seqd admin jump --all --by N"

// check reads the incarnation, by a transaction that goes all the way, through
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
func (g *guard) check(ctx context.Context) error {
	return g.alone(ctx, func() error { return g.checkAlone(ctx) })
}

// checkOnce is check, unless the record has been read before or the guard is
// fenced.
func (g *guard) checkOnce(ctx context.Context) error {
	return g.alone(ctx, func() error {
		if _, err := g.begin(); !errors.Is(err, errUnread) {
			return err
		}
		return g.checkAlone(ctx)
	})
}

func (g *guard) alone(ctx context.Context, f func() error) error {
	select {
	case g.checking <- struct{}{}:
		defer func() { <-g.checking }()
		return f()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", allocator.ErrUnavailable, context.Cause(ctx))
	}
}

func (g *guard) checkAlone(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), attemptTimeout)
	defer cancel()

	s, k, first, err := g.start()
	if err != nil {
		return err
	}
	kv, now, err := g.read(ctx)
	if err != nil {
		return err
	}
	var rec *incarnation
	if kv != nil {
		decoded, err := decodeIncarnation(kv.Value)
		if err != nil {
			return err
		}
		rec = &decoded
	}
	what, err := judge(k, rec, now, first && g.file.strangers)
	if err != nil {
		err = g.fenceFor(err, k)
		g.tell(ctx, kv, rec, k, err)
		return g.explain(err)
	}
	if what == keep && g.outlived(rec.epoch) {
		what = adopt
	}
	switch what {
	case create:
		return g.create(ctx, k, now)
	case wait:
		g.mu.Lock()
		err := g.termLocked(s, now.term, max(k.seen.term, rec.seen.term))
		g.mu.Unlock()
		return g.explain(g.fenceFor(err, k))
	case adopt:
		if g.adopt(*rec, now) {
			g.log.Info("etcd's epoch was raised: going on", "incarnation", rec.store, "epoch", rec.epoch, "floor", rec.floor)
		} else if k.store != "" {
			g.logStranger(k)
		}
	default:
		if err := g.agreed(k, *rec, now); err != nil {
			return g.explain(err)
		}
	}
	return g.record(ctx, kv, *rec)
}

// start returns what check holds the record against. first tells that this
// process has no knowledge of its own yet.
func (g *guard) start() (s sending, k known, first bool, err error) {
	g.mu.Lock()
	s = sending{gen: g.gen.Load(), seen: g.known.seen, at: time.Now()}
	k, first = g.known, !g.open.Load()
	fenced := g.fenced
	g.mu.Unlock()
	if !first {
		return s, k, false, nil
	}
	k, err = g.file.load()
	if err != nil && fenced != nil {
		return s, k, true, g.explain(fenced) // deleting the file would be a way out; losing it is none
	}
	if err != nil {
		g.complain(err)
	}
	return s, k, true, nil
}

// read returns the record, nil for none, and where etcd's history is.
func (g *guard) read(ctx context.Context) (*mvccpb.KeyValue, sight, error) {
	probe := g.prefix + probePath
	resp, err := g.kv.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(probe), "=", impossibleRev)).
		Then(clientv3.OpPut(probe, "")).
		Else(clientv3.OpGet(g.prefix + incarnationPath)).
		Commit()
	switch {
	case err != nil:
		return nil, sight{}, advise(fmt.Errorf("%w: read etcd's incarnation: %w", allocator.ErrUnavailable, err), err)
	case resp.Succeeded:
		return nil, sight{}, fmt.Errorf("%w: a compare that can't hold held", allocator.ErrUnavailable)
	}
	if kvs := resp.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
		return kvs[0], sightOf(resp.Header), nil
	}
	return nil, sightOf(resp.Header), nil
}

// create makes the first record. Where another worker was faster, the next
// check finds that one's.
func (g *guard) create(ctx context.Context, k known, now sight) error {
	rec := incarnation{store: newUUID(), seen: now}
	path := g.prefix + incarnationPath
	// Not in the transaction: some etcds take one operation only (--max-txn-ops).
	// Nobody makes a counter while there is no incarnation.
	counters, err := g.kv.Get(ctx, g.prefix+countersPath, clientv3.WithPrefix(), clientv3.WithLimit(1), clientv3.WithKeysOnly())
	if err != nil {
		return advise(fmt.Errorf("%w: look for counters: %w", allocator.ErrUnavailable, err), err)
	}
	resp, err := g.kv.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(path), "=", 0)).
		Then(clientv3.OpPut(path, rec.encode())).
		Commit()
	switch {
	case err != nil:
		return advise(fmt.Errorf("%w: write etcd's incarnation, which may be there now: %w", allocator.ErrUnavailable, err), err)
	case !resp.Succeeded:
		return fmt.Errorf("%w: another worker has just written etcd's incarnation", allocator.ErrUnavailable)
	}
	if k.store != "" {
		g.logStranger(k)
	}
	if len(counters.Kvs) > 0 {
		g.log.Warn("counters were there without an incarnation: taking them as they are", "prefix", g.prefix, "incarnation", rec.store,
			"hint", "fine after an upgrade; if etcd was restored, "+wayOut)
	}
	g.adopt(rec, now)
	g.recorded = time.Now()
	g.rememberKnown()
	return nil
}

// record writes the maxima into the record, which is rec in kv, if it is time,
// and to this machine.
func (g *guard) record(ctx context.Context, kv *mvccpb.KeyValue, rec incarnation) error {
	defer g.rememberKnown()
	g.mu.Lock()
	now := rec
	now.seen = g.known.seen
	g.mu.Unlock()
	if now.seen.term == rec.seen.term && !g.recorded.IsZero() && time.Since(g.recorded) < recordSpacing {
		return nil
	}
	replaced, err := g.replace(ctx, kv, now)
	if err != nil {
		return err
	}
	if replaced {
		g.mu.Lock()
		g.known.recorded = max(g.known.recorded, now.seen.rev)
		g.mu.Unlock()
	} // else another worker has written it, or an operator: the next check reads it
	g.recorded = time.Now()
	return nil
}

// replace writes rec in place of kv, unless somebody else has written since kv
// was read.
func (g *guard) replace(ctx context.Context, kv *mvccpb.KeyValue, rec incarnation) (replaced bool, err error) {
	path := string(kv.Key)
	resp, err := g.kv.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(path), "=", kv.ModRevision)).
		Then(clientv3.OpPut(path, rec.encode())).
		Commit()
	if err != nil {
		return false, fmt.Errorf("%w: write etcd's incarnation: %w", allocator.ErrUnavailable, err)
	}
	return resp.Succeeded, nil
}

// rememberKnown saves what is known to the state file.
func (g *guard) rememberKnown() {
	g.mu.Lock()
	k, open := g.known, g.open.Load()
	g.mu.Unlock()
	if open {
		g.remember(k)
	}
}

func (g *guard) remember(k known) {
	if err := g.file.save(k); err != nil {
		g.complain(err)
	}
}

// complain says once that the guard goes on without a memory.
func (g *guard) complain(err error) {
	g.unsaved.Do(func() {
		g.log.Warn("can't remember etcd's history on this machine: a worker that starts after etcd was restored may not notice", "err", err,
			"hint", "set --state-dir to a folder that can be written to, or to none")
	})
}

func (g *guard) logStranger(k known) {
	g.log.Warn("another etcd than before is at this address: taking it for a new one, as it is on this machine and no --state-dir is set", "was", k.store)
}

// explain adds the way out to a fence.
func (g *guard) explain(err error) error {
	if !errors.Is(err, allocator.ErrFenced) {
		return err
	}
	hint := wayOut
	if g.file.path != "" {
		hint += fmt.Sprintf("; or, if the ids issued so far truly don't matter, delete %s in etcd and %s, and restart the workers", g.prefix+incarnationPath, g.file.path)
	}
	return fmt.Errorf("%w; %s", err, hint)
}
