package history

import (
	"context"
	"errors"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// fence has every transaction fail from now on if err says that the history
// went backwards, has the ids in memory revoked, and remembers it on this
// machine; then it returns. It returns err, or why the guard was fenced already.
func (g *Guard) fence(err error) error {
	g.mu.Lock()
	k := g.known
	g.mu.Unlock()
	return g.fenceFor(err, k)
}

// fenceFor is fence where k is what err was found to go against.
func (g *Guard) fenceFor(err error, k known) error {
	if !errors.Is(err, allocator.ErrFenced) {
		return err
	}
	k.fenced = Reason(err)
	g.mu.Lock()
	if g.fenced != nil {
		defer g.mu.Unlock()
		return g.fenced
	}
	g.fenced, g.known.fenced, g.known.Epoch = err, k.fenced, k.Epoch
	g.mu.Unlock()
	g.revoke()
	if k.Store != "" {
		g.remember(k)
	}
	return err
}

// tell writes into the record that was found why we are fenced: others may not
// have seen what we have, or remember nothing. It tells of a record that is ours
// alone: not of another store, and not of one from before a jump. If the record
// is gone and this process has seen it, tell writes it again: a worker that
// remembers nothing would take etcd for a new one. Where it fails, the next check
// tells. It returns f with the record that may be there now, whoever wrote it.
func (g *Guard) tell(ctx context.Context, f found, k known, first bool, err error) found {
	switch {
	case !errors.Is(err, allocator.ErrFenced):
	case f.rec == nil && !first:
		lost := k.Incarnation
		lost.Seen, lost.Told = f.now, Reason(err)
		path := g.prefix.Incarnation()
		_, _ = g.kv.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(path), "=", 0)).Then(clientv3.OpPut(path, lost.Encode())).Commit()
		f.rec = &lost
	case f.rec != nil && f.rec.Told == "" && f.rec.Store == k.Store && f.rec.Epoch == k.Epoch:
		now := *f.rec
		now.Told = Reason(err)
		_, _ = g.replace(ctx, f.kv, now)
		f.rec = &now
	}
	return f
}

// Reason returns why err fences, without the sentinel's text and who found it.
func Reason(err error) string {
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), allocator.ErrFenced.Error()+": "), toldBy)
}

// adopt makes rec, which now agrees with, what answers are held against. If it
// replaces another one, the ids that are in memory are revoked.
func (g *Guard) adopt(rec record.Incarnation, now record.Sight) (replaced bool) {
	g.mu.Lock()
	replaced = g.open.Load() || g.fenced != nil
	g.known = known{Incarnation: rec, recorded: rec.Seen.Rev}
	g.known.Seen = rec.Seen.And(now)
	g.fenced, g.low = nil, time.Time{}
	g.gen.Add(1)
	g.open.Store(true)
	g.mu.Unlock()
	if replaced {
		g.revoke()
	}
	return replaced
}

// agreed notes a record that agrees with what is known, and the answer that
// brought it. The error says that the guard is fenced nevertheless.
func (g *Guard) agreed(k known, rec record.Incarnation, now record.Sight) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fenced != nil {
		return g.fenced
	}
	if !g.open.Load() {
		g.known = k
		g.open.Store(true)
	}
	g.low = time.Time{}
	g.known.Seen = g.known.Seen.And(rec.Seen).And(now)
	g.known.recorded = max(g.known.recorded, rec.Seen.Rev)
	g.known.Floor = rec.Floor
	return nil
}

// outlived reports whether the guard is fenced in an older epoch than that: one
// that another worker on this machine has adopted already.
func (g *Guard) outlived(epoch int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.fenced != nil && epoch > g.known.Epoch
}

// Floor returns what counters without a record start above.
func (g *Guard) Floor() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.known.Floor
}
