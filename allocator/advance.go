package allocator

import (
	"context"
	"time"
)

// Starter is what advances are asked of without a goroutine that waits for the answer.
// Where many keys advance at the same time, waking a goroutine for each would cost as
// much as the rest of the advance.
type Starter interface {
	// Start does what Advance of a [Counter] does, with all of its promises, but does
	// not block. a.Done is told the outcome exactly once, on another goroutine or
	// before Start returns. Until then a belongs to the Starter.
	//
	// Start is safe for concurrent use.
	Start(a *Advance)
}

// Advance is a call of [Starter]'s Start. Its memory may be used again after
// Done was told.
type Advance struct {
	Ctx      context.Context // once it ends no attempt begins
	Deadline time.Time       // once it has passed no attempt begins; zero means never
	Key      Key
	N        int // 0: there are Answers only
	Done     Advancer

	// Above is a mark that all ids must be greater than.
	Above int64

	// Answers are requests that get ids of their own, beside the N, unless they were
	// made before. Each of them is recorded together with its ids, or not at all. Once
	// the advance has ended, those that are settled are durable, whatever the error.
	Answers []Answer

	// Yield ends the advance when it loses a race to another process, which may be
	// advancing the key right now. It ends with a [LostRace], and nothing is reserved.
	Yield bool

	// Asked is a process that was asked in vain for what the advance is for; "" is
	// nobody. An advance of a key that another process owns ends with a [LostRace],
	// unless that is the one which was asked. Then the advance waits until the key
	// has been let go, or taken over from an owner whose session stands still.
	Asked string

	// Owned says that this process is to own the key. It may then hand out the key's
	// ids without asking for as long as the Tenure lasts, which the Starter sets
	// before it tells Done of them.
	Owned  bool
	Tenure *Tenure
}

// Ended reports whether no further attempt may begin.
func (a *Advance) Ended(now time.Time) bool {
	return a.Ctx.Err() != nil || !a.Deadline.IsZero() && !now.Before(a.Deadline)
}

// Context returns Ctx with the Deadline, for a call that blocks. It must be
// cancelled.
func (a *Advance) Context() (context.Context, context.CancelFunc) {
	if a.Deadline.IsZero() {
		return context.WithCancel(a.Ctx)
	}
	return context.WithDeadline(a.Ctx, a.Deadline)
}

// Advancer is told the outcome of an Advance.
type Advancer interface {
	// Advanced gets the ids of a, which are a.N, or an error. The ids of its Answers
	// stand in these. It must not block, because other keys wait behind it.
	Advanced(a *Advance, ids Range, err error)
}

// LostRace is the error of an Advance that yields to another process, and of one whose
// key another process owns. Nothing was reserved.
type LostRace struct {
	Winner string // the process that wrote the record last, or owns the key
	Owner  bool   // it owns the key
}

func (e *LostRace) Error() string {
	if e.Owner {
		return "allocator: the key is owned by " + e.Winner
	}
	return "allocator: the race for the key was won by " + e.Winner
}
