package faults

import (
	"fmt"
	"sync"

	"github.com/seqd-io/seqd/allocator"
)

// tally holds a key's ids against U and S as they come, exactly: no id twice, and
// none below one that was known before it was asked for. What it keeps grows with
// the key's ids, by a bit for each, and not with the answers, of which there may
// be more than memory has room for. With a shelf, memory has a bound too, and the
// bits of most ids are on disk. The zero value is empty, and has none. It is safe
// for concurrent use.
type tally struct {
	shelf *shelf // for pages that are not in memory; nil: all are

	mu       sync.Mutex
	greatest int64 // of all that were answered so far
	n        int64 // ids that were answered so far
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

// answered returns how many ids were answered so far.
func (t *tally) answered() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

// raise says that no id up to that one comes any more, as if it were known.
func (t *tally) raise(to int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.greatest = max(t.greatest, to)
}

// add takes the ids of an answer to a request before which known was that, or 0 if
// its ids need not be in order.
func (t *tally) add(ids allocator.Range, known int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.greatest = max(t.greatest, ids.Last())
	t.n += int64(ids.N)
	for id := ids.First; id <= ids.Last(); id++ {
		p, err := t.pageLocked(id / pageIDs)
		if err != nil {
			return err
		}
		if !p.set(id % pageIDs) {
			return fmt.Errorf("id %d of %d to %d was handed out twice", id, ids.First, ids.Last())
		}
	}
	if ids.First <= known {
		return fmt.Errorf("a request got ids %d to %d, although %d was known before it was sent", ids.First, ids.Last(), known)
	}
	return nil
}

// pageLocked returns the page with that number. Ids grow, so that it is the page
// with the least number that leaves memory for it.
func (t *tally) pageLocked(number int64) (*page, error) {
	if p := t.pages[number]; p != nil {
		return p, nil
	}
	if t.pages == nil {
		t.pages = map[int64]*page{}
	}
	p := new(page)
	if t.shelf != nil {
		if len(t.pages) >= t.shelf.room {
			least := number
			for n := range t.pages {
				if least == number || n < least {
					least = n
				}
			}
			if err := t.shelf.put(least, t.pages[least]); err != nil {
				return nil, err
			}
			delete(t.pages, least)
		}
		if err := t.shelf.get(number, p); err != nil {
			return nil, err
		}
	}
	t.pages[number] = p
	return p, nil
}

// set is false if the bit was set.
func (p *page) set(bit int64) bool {
	word, mask := &p[bit/64], uint64(1)<<(bit%64)
	was := *word&mask != 0
	*word |= mask
	return !was
}
