package powerloss

import (
	"maps"
	"math/rand/v2"
	"slices"
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
// draws nothing. It returns how many changes were lost, at least in part, of how many.
//
// What is drawn first is how far the disk had got. Up to there either everything is
// written but the last write, which may be torn, or of each sector the first writes to
// it: it never holds a later one without an earlier one.
func (n *node) cut(rnd *rand.Rand) (lost, of int) {
	of = len(n.pending)
	got, inOrder := 0, 0
	if rnd != nil {
		got = rnd.IntN(of + 1)
		if rnd.IntN(4) == 0 {
			got = of
		}
		if rnd.IntN(2) == 0 {
			inOrder = max(0, got-1)
		}
	}
	for _, c := range n.pending[:inOrder] {
		c.apply(&n.durable)
	}
	writes := map[int64]int{} // to a sector, that survive
	for _, c := range n.pending[inOrder:got] {
		eachSector(c, func(number int64, _ change) { writes[number]++ })
	}
	for _, number := range slices.Sorted(maps.Keys(writes)) {
		writes[number] = rnd.IntN(writes[number] + 1)
	}
	lost = of - got
	for _, c := range n.pending[inOrder:got] {
		if c.data == nil {
			c.apply(&n.durable)
			continue
		}
		whole := true
		eachSector(c, func(number int64, part change) {
			if writes[number]--; writes[number] >= 0 {
				part.apply(&n.durable)
			} else {
				whole = false
			}
		})
		if !whole {
			lost++
		}
	}
	n.pending, n.now = nil, n.durable.clone()
	return lost, of
}

// eachSector calls do with the parts of a write, and the numbers of their sectors.
func eachSector(c change, do func(number int64, part change)) {
	for len(c.data) > 0 {
		number := c.off / sector
		size := min(len(c.data), int((number+1)*sector-c.off))
		do(number, change{off: c.off, data: c.data[:size]})
		c.off, c.data = c.off+int64(size), c.data[size:]
	}
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
