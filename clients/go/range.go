package seqd

import (
	"fmt"
	"iter"
	"strconv"
)

// Range is N contiguous ids, First to First+N-1. The zero value is empty.
type Range struct {
	First int64
	N     int
}

// Last returns the greatest id of a range that is not empty.
func (r Range) Last() int64 { return r.First + int64(r.N) - 1 }

// String returns "7" for one id, and "7–16" for ten.
func (r Range) String() string {
	switch r.N {
	case 0:
		return "none"
	case 1:
		return strconv.FormatInt(r.First, 10)
	}
	return fmt.Sprintf("%d–%d", r.First, r.Last())
}

// All yields the range's ids in increasing order.
func (r Range) All() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for i := range r.N {
			if !yield(r.First + int64(i)) {
				return
			}
		}
	}
}

// take cuts n ids off the front.
func (r *Range) take(n int) Range {
	front := Range{First: r.First, N: n}
	r.First, r.N = r.First+int64(n), r.N-n
	return front
}
