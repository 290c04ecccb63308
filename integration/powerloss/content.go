package powerloss

// content is what stands in a file. Parts that were never written take no memory.
// The zero value is empty.
type content struct {
	chunks map[int64]*chunk // by their number
	size   int64
}

type chunk [64 << 10]byte

// readAt fills p from off on, and returns how much of it there was.
func (c *content) readAt(p []byte, off int64) int {
	if off >= c.size {
		return 0
	}
	p = p[:min(int64(len(p)), c.size-off)]
	each(p, off, func(part []byte, number int64, at int) {
		if from := c.chunks[number]; from != nil {
			copy(part, from[at:])
		} else {
			clear(part)
		}
	})
	return len(p)
}

// writeAt writes p at off, and makes the content as long as it takes.
func (c *content) writeAt(p []byte, off int64) {
	if c.chunks == nil {
		c.chunks = map[int64]*chunk{}
	}
	each(p, off, func(part []byte, number int64, at int) {
		if c.chunks[number] == nil {
			c.chunks[number] = new(chunk)
		}
		copy(c.chunks[number][at:], part)
	})
	c.size = max(c.size, off+int64(len(p)))
}

// truncate makes the content so long, with zeros where it was shorter.
func (c *content) truncate(size int64) {
	last, rest := size/int64(len(chunk{})), int(size%int64(len(chunk{})))
	for number, it := range c.chunks {
		switch {
		case number > last, number == last && rest == 0:
			delete(c.chunks, number)
		case number == last:
			clear(it[rest:])
		}
	}
	c.size = size
}

// clone returns a content of its own that is alike.
func (c *content) clone() content {
	other := content{chunks: make(map[int64]*chunk, len(c.chunks)), size: c.size}
	for number, it := range c.chunks {
		copied := *it
		other.chunks[number] = &copied
	}
	return other
}

// each calls do with the parts of p that stand in one chunk each, the chunk's number,
// and where the part begins in it.
func each(p []byte, off int64, do func(part []byte, number int64, at int)) {
	for len(p) > 0 {
		number, at := off/int64(len(chunk{})), int(off%int64(len(chunk{})))
		part := p[:min(len(p), len(chunk{})-at)]
		do(part, number, at)
		p, off = p[len(part):], off+int64(len(part))
	}
}
