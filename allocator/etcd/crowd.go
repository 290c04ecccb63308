package etcd

// crowd tells whether others write to the same etcd, by how its revision moves:
// each transaction that writes takes one. txns.mu guards it.
//
// Two transactions at a time keep etcd busy while the answer to one is on its way
// back. Where others do that too, a second one of ours only makes the batches of
// all smaller, and a batch costs etcd as much as some twenty swaps in it.
type crowd struct {
	rev      int64 // the latest that was seen
	own, all int64 // transactions lately
}

// crowdMemory is how many transactions are looked back at, or twice as many.
const crowdMemory = 128

// wrote notes that a transaction of ours was the one with that revision.
func (c *crowd) wrote(rev int64) {
	c.own++
	if c.rev != 0 && rev > c.rev {
		c.all += rev - c.rev
	}
	c.rev = max(c.rev, rev)
	if c.all >= 2*crowdMemory {
		c.own, c.all = c.own/2, c.all/2
	}
}

// flying returns how many transactions may be under way at a time.
func (c *crowd) flying() int {
	if others := c.all - c.own; others > c.own/2 {
		return 1
	}
	return maxFlying
}
