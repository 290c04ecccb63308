package allocator

// clock picks the key to forget: the first one its hand meets that was not used
// since the hand last passed, so about the least recently used ("second
// chance", Corbató 1968). A use costs one store, not a list operation.
type clock struct {
	ring []*weakKey
	hand int
}

// maxSteps bounds how far the hand goes for one eviction, under the lock.
const maxSteps = 1024

func (c *clock) add(k *weakKey) { c.ring = append(c.ring, k) }

// evict takes one key off the ring. It returns nil if every key it met has an
// advance under way.
func (c *clock) evict() *weakKey {
	for step := range min(maxSteps, 2*len(c.ring)) {
		if c.hand >= len(c.ring) {
			c.hand = 0
		}
		k := c.ring[c.hand]
		switch {
		case k.refill != nil: // it still needs it
			c.hand++
		case k.stock.used && step < maxSteps/2: // then any will do
			k.stock.used = false
			c.hand++
		default:
			// The key that takes its place is the youngest, and gets a whole turn.
			c.removeAt(c.hand)
			c.hand++
			return k
		}
	}
	return nil
}

// removeAt takes a key off the ring; the youngest one takes its place.
func (c *clock) removeAt(i int) {
	last := len(c.ring) - 1
	c.ring[i], c.ring[last] = c.ring[last], nil
	c.ring = c.ring[:last]
}
