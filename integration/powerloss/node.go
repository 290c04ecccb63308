package powerloss

import (
	"maps"
	"math/rand/v2"
	"time"
)

// node is a file or a folder, whatever names it.
type node struct {
	id      uint64
	mode    uint32 // type and permissions
	changed time.Time

	// Of files.
	now     content  // with every write
	durable content  // as it was synced last
	pending []change // what is between the two, in order

	// Of folders.
	entries map[string]*node // now
	kept    map[string]*node // as they were synced last
}

// change is a write, or without data a file's new size.
type change struct {
	off  int64
	data []byte
	size int64
}

func (c change) apply(to *content) {
	if c.data == nil {
		to.truncate(c.size)
	} else {
		to.writeAt(c.data, c.off)
	}
}

func (n *node) change(c change) {
	c.apply(&n.now)
	n.pending = append(n.pending, c)
	n.changed = time.Now()
}

// sync makes the file's data and size durable.
func (n *node) sync() {
	for _, c := range n.pending {
		c.apply(&n.durable)
	}
	n.pending = nil
}

// sector is what a disk writes whole or not at all, in bytes.
const sector = 512

// cut leaves the file with what was synced, and with what rnd draws of the rest; nil
// draws nothing. It returns how many changes survived, of how many.
func (n *node) cut(rnd *rand.Rand) (survived, of int) {
	of = len(n.pending)
	for i, survives := range draw(rnd, of) {
		if !survives {
			continue
		}
		survived++
		c := n.pending[i]
		first := int((c.off/sector+1)*sector - c.off) // bytes, to where it can be torn first
		if more := len(c.data) - first; more > 0 && rnd.IntN(8) == 0 {
			c.data = c.data[:first+sector*rnd.IntN((more+sector-1)/sector)]
		}
		c.apply(&n.durable)
	}
	n.pending, n.now = nil, n.durable.clone()
	return survived, of
}

// draw returns which of n changes survive: none, all, the first ones, or any.
func draw(rnd *rand.Rand, n int) []bool {
	survive := make([]bool, n)
	if rnd == nil || n == 0 {
		return survive
	}
	first, kind := rnd.IntN(n+1), rnd.IntN(4)
	for i := range survive {
		switch kind {
		case 1:
			survive[i] = true
		case 2:
			survive[i] = i < first
		case 3:
			survive[i] = rnd.IntN(2) == 0
		}
	}
	return survive
}

// rename is a change of entries: one is taken away, or set, or both. Where both are, it
// is the same file's.
type rename struct {
	from, to         *node // folders; nil: nothing is taken away, or set
	fromName, toName string
	child            *node // that is set
}

func (r rename) apply(entries func(*node) map[string]*node) {
	if r.from != nil {
		delete(entries(r.from), r.fromName)
	}
	if r.to != nil {
		entries(r.to)[r.toName] = r.child
	}
}

func entriesNow(n *node) map[string]*node     { return n.entries }
func entriesDurable(n *node) map[string]*node { return n.kept }

// sift divides renames into those that the fsync of a folder makes durable, and the
// others, both in their order. With a rename from another folder go all that were
// done to that one before: else an older entry would replace a newer one later.
func sift(all []rename, folder *node) (durable, rest []rename) {
	folders, taken := map[*node]bool{folder: true}, make([]bool, len(all))
	for i := len(all) - 1; i >= 0; i-- {
		r := all[i]
		if r.from != nil && folders[r.from] || r.to != nil && folders[r.to] {
			taken[i] = true
			folders[r.from], folders[r.to] = true, true
			delete(folders, nil)
		}
	}
	for i, r := range all {
		if taken[i] {
			durable = append(durable, r)
		} else {
			rest = append(rest, r)
		}
	}
	return durable, rest
}

// reset leaves the folder with the entries that are durable.
func (n *node) reset() { n.entries = maps.Clone(n.kept) }
