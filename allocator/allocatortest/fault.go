package allocatortest

import (
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// Call is one call of [Memory.Advance].
type Call struct {
	Seq int // 0 for the first call of a Memory
	Key allocator.Key
	N   int
}

// Fault says how one advance goes. The zero value is an advance that takes no
// time and succeeds.
type Fault struct {
	Hold    <-chan struct{} // the advance stands still until this is closed; nil means it does not
	Before  time.Duration   // from then until the mark moves
	After   time.Duration   // from then until the call returns
	Outcome Outcome
	Err     error // in place of allocator.ErrUnavailable, where the outcome is an error
}

// Outcome is how an advance ends, unless its context ends first.
type Outcome int

const (
	// Applied is success: the mark moves and the caller gets the ids.
	Applied Outcome = iota

	// Refused is an error, and the mark never moves.
	Refused

	// Lost is an error though the mark has moved: the answer was lost.
	Lost

	// Late is an error, and then the mark moves: the call returns after
	// Fault.After or when its context ends, and Fault.Before later its ids are
	// reserved.
	Late
)
