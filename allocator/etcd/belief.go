package etcd

import (
	"fmt"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// belief is what a record was when it was last seen. A wrong belief costs a
// round trip, never an id: it stands only in compares.
type belief struct {
	last int64
	rev  int64 // ModRevision; 0: taken for absent, but for last: see Counter.belief
	gen  int64 // of the guard, before the record was seen

	// owner is who owns the key; "": nobody. What an owner has reserved and not
	// issued it may give back, so that the mark falls.
	owner string

	// spent is what the mark does not fall below: last, but for ids that this
	// process is about to give back.
	spent int64

	// remembered says that last is not the record's: before a restore this process
	// has seen a higher mark, and others perhaps higher ones still.
	remembered bool
}

// maxBeliefs bounds what is believed, to 13 MB, or 25 MB where all names are as long as
// they may be.
const maxBeliefs = 1 << 16

// belief returns what is believed of key's record. From an older generation it
// is only that the ids up to last are spent: after a restore and a jump that was
// too small they would be issued again.
func (c *Counter) belief(key allocator.Key) belief {
	gen := c.guard.Gen()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.beliefs[key].in(gen)
}

// in returns what b says in a generation. From an older one it is only that ids
// are spent.
func (b belief) in(gen int64) belief {
	if b.gen == gen {
		return b
	}
	return belief{last: b.last, gen: gen}
}

func (c *Counter) makeRoomLocked() {
	if len(c.beliefs) >= maxBeliefs {
		for other := range c.beliefs { // any one will do
			delete(c.beliefs, other)
			return
		}
	}
}

// learn keeps b, unless a concurrent advance has seen a later record. All records
// before b's revision must have had marks of base at most, and all after it none
// below b's: if not, etcd went back while this advance was under way, to before
// another one that has returned. Equal marks at two revisions are what an owner
// leaves that has claimed a key, issued nothing and let go of it.
func (c *Counter) learn(key allocator.Key, b belief, base int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, ok := c.beliefs[key]
	switch {
	case !ok:
		c.makeRoomLocked()
		key = key.Clone()
	case old.gen > b.gen:
		return nil
	case old.gen < b.gen:
	case old.owner != "" || b.owner != "":
		if old.rev > b.rev {
			return nil
		}
		if err := old.fallen(base, b.rev); err != nil {
			return err
		}
		if b.spent = max(b.spent, old.spent); old.rev == b.rev {
			b.spent = old.spent // who reads the record once more does not know what is about to be given back
		}
	case old.rev < b.rev && old.last > base, old.rev == b.rev && old.last != b.last, old.rev > b.rev && old.last < b.last:
		return fmt.Errorf("%w: the mark is %d at revision %d, and was %d at revision %d",
			allocator.ErrFenced, b.last, b.rev, old.last, old.rev)
	case old.rev > b.rev:
		return nil
	}
	c.beliefs[key] = b
	return nil
}

// fallen returns an error if the mark of a later record is below what b knows to
// be spent.
func (b belief) fallen(mark, rev int64) error {
	if b.rev < rev && mark < b.spent {
		return fmt.Errorf("%w: the mark is %d at revision %d, and ids up to %d were spent at revision %d", allocator.ErrFenced, mark, rev, b.spent, b.rev)
	}
	return nil
}

// givesBack notes that ids above spent will be given back, of a record that was
// last seen at that revision.
func (c *Counter) givesBack(key allocator.Key, spent, rev int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b, ok := c.beliefs[key]; ok && b.rev == rev {
		b.spent = spent
		c.beliefs[key] = b
	}
}

// believe keeps b if the record was last seen at revision before.
func (c *Counter) believe(key allocator.Key, b belief, before int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.beliefs[key]; ok && old.gen == b.gen && old.rev == before {
		c.beliefs[key] = b
	}
}

// disbelieve forgets what was believed of a record that was last seen at that
// revision, but for the ids that are spent.
func (c *Counter) disbelieve(key allocator.Key, rev int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b, ok := c.beliefs[key]; ok && b.rev == rev {
		c.beliefs[key] = belief{last: b.spent, spent: b.spent, gen: b.gen}
	}
}

// refresh returns what a lost race showed the record to be, and who wrote it. A
// mark never falls, and a record that was there does not vanish: either means
// that etcd was restored, or somebody deleted it.
func refresh(known belief, out outcome, periods bool) (now belief, by string, err error) {
	if out.KV == nil {
		return belief{}, "", fmt.Errorf("%w: the record is gone", allocator.ErrFenced)
	}
	rec, err := record.DecodeCounter(out.KV.Value)
	if err != nil {
		return belief{}, "", err
	}
	switch {
	case rec.Periods && !periods:
		return belief{}, "", fmt.Errorf("%w: the key counts in periods, %.100q, and this process's rules for it name none", allocator.ErrUnreadable, out.KV.Value)
	case periods && !rec.Periods: // what was counted before it counted in periods comes before them all
		rec.Last = 0
	}
	now = belief{last: rec.Last, rev: out.KV.ModRevision, gen: known.gen, owner: rec.Owner, spent: rec.Last}
	if rec.Owner != "" { // a release of which nothing was heard may be applied later
		now.spent = min(rec.Last, known.spent)
	}
	if known.rev == 0 { // of another incarnation, if at all: a mark that we know to be spent
		now.last, now.remembered = max(now.last, known.last), known.last > now.last
		return now, rec.By, nil
	}
	if now.last < known.last && known.owner == "" || now.rev < known.rev {
		return belief{}, "", fmt.Errorf("%w: the mark is %d at revision %d, and was %d at revision %d",
			allocator.ErrFenced, now.last, now.rev, known.last, known.rev)
	}
	return now, rec.By, nil
}
