package history

import (
	"errors"
	"strings"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// fence has every transaction fail from now on if err says that the history
// went backwards, has the ids that are reserved revoked, and remembers on this
// machine that it went against p; then it returns. It returns err, or why the
// guard was fenced already.
func (g *Guard) fence(err error, p past) error {
	if !errors.Is(err, allocator.ErrFenced) {
		return err
	}
	p.Fenced = Reason(err)
	if already := g.close(err, p); already != nil {
		return already
	}
	if p.Lineage != "" {
		g.remember(p)
	}
	return err
}

// close fails every transaction from now on, or returns why they fail already. The
// ids are revoked under the lock: whoever is told of the fence gets none of them
// any more.
func (g *Guard) close(err error, p past) (already error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fenced != nil {
		return g.fenced
	}
	g.fenced, g.past.Fenced, g.past.Epoch = err, p.Fenced, p.Epoch
	g.revoke()
	return nil
}

// Reason returns why err fences, without the sentinel's text and who found it.
func Reason(err error) string {
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), allocator.ErrFenced.Error()+": "), toldBy)
}

// adopt makes rec, which now agrees with, what answers are held against. If it
// replaces another one, the ids that are reserved are revoked.
func (g *Guard) adopt(rec record.Incarnation, now record.Sight) (replaced bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	replaced = g.open.Load() || g.fenced != nil
	g.past = pastOf(rec)
	g.past.Seen = rec.Seen.And(now)
	g.fenced, g.low = nil, time.Time{}
	g.gen.Add(1)
	g.open.Store(true)
	if replaced {
		g.revoke()
	}
	return replaced
}

// agree notes a record that agrees with p, and the answer that brought it. The
// error says that the guard is fenced nevertheless.
func (g *Guard) agree(p past, rec record.Incarnation, now record.Sight) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fenced != nil {
		return g.fenced
	}
	if !g.open.Load() {
		g.past = p
		g.open.Store(true)
	}
	g.low = time.Time{}
	g.past.Seen = g.past.Seen.And(rec.Seen).And(now)
	g.past.recorded = max(g.past.recorded, rec.Seen.Rev)
	g.past.Floor = rec.Floor
	return nil
}

// outlived reports whether the guard is fenced in an older epoch than that: one
// that another worker on this machine has adopted already.
func (g *Guard) outlived(epoch int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.fenced != nil && epoch > g.past.Epoch
}

// Save writes what is known to this machine's memory.
func (g *Guard) Save() {
	g.mu.Lock()
	p, open := g.past, g.open.Load()
	g.mu.Unlock()
	if open {
		g.remember(p)
	}
}

func (g *Guard) remember(p past) {
	if err := g.memory.save(p); err != nil {
		g.says.forgetful(err)
	}
}
