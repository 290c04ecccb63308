package bench

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Violation is a broken promise, and names the answers that break it.
type Violation struct{ text string }

func (v *Violation) Error() string { return v.text }

// checker checks a peer's answers over all slices of a run. Between slices it
// keeps, for each key, which ids were handed out and the greatest of them.
type checker struct {
	peer   string
	strict bool
	keys   []string
	books  []book // by key

	ops  []checkedOp // memory kept from slice to slice
	news []span
	room spans

	checked int64 // answers
	forgot  bool  // some low ids are no longer in seen: see maxSpans
}

// book is what is remembered of one key.
type book struct {
	seen spans
	high checkedOp // the answer with the greatest ids; its n is 0 before the first
}

// checkedOp is an answer and who got it.
type checkedOp struct {
	op
	caller int
}

// maxSpans bounds the memory of all books, to 64 MB. It is reached only where
// others take ids of the same keys meanwhile, so that ours have gaps everywhere.
const maxSpans = 1 << 22

func newChecker(about About, keys []string) *checker {
	if about.Promise == NoIDs {
		return nil
	}
	return &checker{peer: about.Name, strict: about.Promise == Strict, keys: keys, books: make([]book, len(keys))}
}

// check returns the first violation that s shows, together with earlier slices.
// All requests of s were made after every earlier slice's answers had come. nil
// checks nothing.
func (c *checker) check(s slice) error {
	if c == nil {
		return nil
	}
	c.ops = c.ops[:0]
	s.ops(func(caller int, o op) { c.ops = append(c.ops, checkedOp{o, caller}) })
	slices.SortFunc(c.ops, func(a, b checkedOp) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.first, b.first))
	})
	for rest := c.ops; len(rest) > 0; {
		key := rest[0].key
		n := 1
		for n < len(rest) && rest[n].key == key {
			n++
		}
		if err := c.checkKey(&c.books[key], rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	c.checked += int64(len(c.ops))
	return nil
}

// checkKey checks one key's answers of a slice, in order of their ids.
func (c *checker) checkKey(b *book, ops []checkedOp) error {
	c.news = c.news[:0]
	for i, o := range ops {
		if o.first < 1 || o.n < 1 || o.last() < o.first {
			return c.violation("an answer is not a range of ids", o)
		}
		if i > 0 && o.first <= ops[i-1].last() {
			return c.violation(fmt.Sprintf("id %d was handed out twice", o.first), ops[i-1], o)
		}
		c.news = append(c.news, span{o.first, o.last()})
	}
	seen, twice, ok := b.seen.plus(c.news, c.room)
	if !ok {
		return c.twice(twice, ops)
	}
	c.room = b.seen
	if drop := len(seen) - maxSpans/len(c.books); drop > 0 {
		seen, c.forgot = slices.Delete(seen, 0, drop), true
	}
	b.seen = seen
	if c.strict {
		if err := c.checkOrder(b, ops); err != nil {
			return err
		}
	}
	if o := ops[len(ops)-1]; o.last() > b.high.last() {
		b.high = o
	}
	return nil
}

// twice names the answer with an id that an earlier slice brought too.
func (c *checker) twice(id int64, ops []checkedOp) error {
	i := slices.IndexFunc(ops, func(o checkedOp) bool { return o.first <= id && id <= o.last() })
	return c.violation(fmt.Sprintf("id %d was handed out twice, the first time in an earlier slice", id), ops[i])
}

// checkOrder checks that ids are greater than those known before they were asked
// for. It meets the answers from the greatest ids down; of those with greater
// ids only the one that came first matters.
//
// That an answer came before a request was made is told by its stamp being
// smaller: where a coarse clock gives two the same, nothing is claimed.
func (c *checker) checkOrder(b *book, ops []checkedOp) error {
	if b.high.n > 0 && ops[0].first <= b.high.last() {
		return c.outOfOrder(b.high, ops[0])
	}
	earliest := ops[len(ops)-1]
	for _, o := range slices.Backward(ops) {
		if earliest.end < o.start {
			return c.outOfOrder(earliest, o)
		}
		if o.end < earliest.end {
			earliest = o
		}
	}
	return nil
}

func (c *checker) outOfOrder(known, then checkedOp) error {
	return c.violation("a request got lower ids than were known before it was made", known, then)
}

func (c *checker) violation(what string, ops ...checkedOp) error {
	text := fmt.Sprintf("%s broke its promise: %s", c.peer, what)
	for _, o := range ops {
		text += fmt.Sprintf("\n\t%s: ids %d to %d for caller %d, asked %v and answered %v after the start",
			c.keys[o.key], o.first, o.last(), o.caller, time.Duration(o.start), time.Duration(o.end))
	}
	return &Violation{text}
}
