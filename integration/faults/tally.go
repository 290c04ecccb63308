package faults

import (
	"fmt"
	"sync"

	"github.com/seqd-io/seqd/allocator"
)

// tally holds a key's ids against U and S as they come, exactly: no id twice, and
// none below one that was known before it was asked for. What it keeps grows with
// the key's ids, by a bit for each, and not with the answers, of which there may
// be more than memory has room for. The zero value is empty. It is safe for
// concurrent use.
type tally struct {
	mu       sync.Mutex
	greatest int64 // of all that were answered so far
	pages    map[int64]*page
}

// page is a bit for each of pageIDs ids.
type page [pageIDs / 64]uint64

const pageIDs = 1 << 15

// known returns the greatest id that was answered so far: take it before a request
// is sent.
func (t *tally) known() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.greatest
}

// add takes the ids of an answer to a request before which known was that.
func (t *tally) add(ids allocator.Range, known int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.greatest = max(t.greatest, ids.Last())
	for id := ids.First; id <= ids.Last(); id++ {
		if !t.setLocked(id) {
			return fmt.Errorf("id %d of %d to %d was handed out twice", id, ids.First, ids.Last())
		}
	}
	if ids.First <= known {
		return fmt.Errorf("a request got ids %d to %d, although %d was known before it was sent", ids.First, ids.Last(), known)
	}
	return nil
}

// setLocked is false if id was set.
func (t *tally) setLocked(id int64) bool {
	if t.pages == nil {
		t.pages = map[int64]*page{}
	}
	p := t.pages[id/pageIDs]
	if p == nil {
		p = new(page)
		t.pages[id/pageIDs] = p
	}
	word, bit := &p[id%pageIDs/64], uint64(1)<<(id%64)
	was := *word&bit != 0
	*word |= bit
	return !was
}
