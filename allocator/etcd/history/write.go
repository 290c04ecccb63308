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

// recordSpacing is how often the maxima are written into the record, unless
// raft's term has changed.
const recordSpacing = time.Minute

// write puts rec in place of the record that has this ModRevision, unless
// somebody else has written meanwhile.
func (g *Guard) write(ctx context.Context, rev int64, rec record.Incarnation) (won bool, err error) {
	swap := record.Swap{Path: g.reader.prefix.Incarnation(), Rev: rev, Value: rec.Encode()}
	out, err := swap.Send(ctx, g.reader.kv)
	if err != nil {
		return false, fmt.Errorf("%w: write etcd's incarnation, which may be there now: %w", allocator.ErrUnavailable, err)
	}
	return out.Won, nil
}

// create makes the first record. again says that another worker was faster.
func (g *Guard) create(ctx context.Context, now record.Sight) (again bool, err error) {
	// Not in the transaction: some etcds take one operation only (--max-txn-ops).
	// Nobody makes a counter while there is no incarnation.
	prefix := g.reader.prefix
	counters, err := g.reader.kv.Get(ctx, prefix.Counters(), clientv3.WithPrefix(), clientv3.WithLimit(1), clientv3.WithKeysOnly())
	if err != nil {
		return false, fmt.Errorf("%w: look for counters: %w", allocator.ErrUnavailable, err)
	}
	rec := record.Incarnation{Lineage: record.NewUUID(), Seen: now}
	won, err := g.write(ctx, 0, rec)
	switch {
	case err != nil:
		return false, err
	case !won:
		return true, nil
	}
	if len(counters.Kvs) > 0 {
		g.says.unmarked(prefix, rec)
	}
	g.adopt(rec, now)
	g.recorded = time.Now()
	g.Save()
	return false, nil
}

// update writes the maxima into the record that was found, if it is time, and to
// this machine.
func (g *Guard) update(ctx context.Context, f found) error {
	defer g.Save()
	now := *f.rec
	g.mu.Lock()
	now.Seen = g.past.Seen
	g.mu.Unlock()
	if now.Seen.Term == f.rec.Seen.Term && !g.recorded.IsZero() && time.Since(g.recorded) < recordSpacing {
		return nil
	}
	won, err := g.write(ctx, f.rev, now)
	if err != nil {
		return err
	}
	if won {
		g.mu.Lock()
		g.past.recorded = max(g.past.recorded, now.Seen.Rev)
		g.mu.Unlock()
	} // else another worker has written it, or an operator: the next check reads it
	g.recorded = time.Now()
	return nil
}

// tell writes into the record that was found why we are fenced: others may not
// have seen what we have, or remember nothing. It tells of a record that is ours
// alone: not of another lineage, and not of one from before a jump. If the record
// is gone and this process has seen it, tell writes it again: a worker that
// remembers nothing would take etcd for a new one. Where it fails, the next check
// tells. It returns f with the record that may be there now, whoever wrote it.
func (g *Guard) tell(ctx context.Context, from standpoint, f found, err error) found {
	var now record.Incarnation
	switch {
	case !errors.Is(err, allocator.ErrFenced):
		return f
	case f.rec == nil && !from.first:
		now = from.past.Incarnation
		now.Seen = f.now
	case f.rec != nil && f.rec.Fenced == "" && f.rec.Lineage == from.past.Lineage && f.rec.Epoch == from.past.Epoch:
		now = *f.rec
	default:
		return f
	}
	now.Fenced = Reason(err)
	_, _ = g.write(ctx, f.rev, now)
	f.rec = &now
	return f
}
