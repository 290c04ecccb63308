package allocator

import (
	"context"
	"time"
)

// Starter is what advances are asked of, without a goroutine that waits for the
// answer: where many keys advance at a time, waking one for each costs as much as
// the rest of the advance.
type Starter interface {
	// Start is [Counter]'s Advance, with all of its promises, but does not block.
	// a.Done is told the outcome exactly once: on another goroutine, or before
	// Start returns. Until then a belongs to the Starter.
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
	// made before: each is recorded together with its ids, or not at all. When the
	// advance has ended, those of them that are settled are durable, whatever the
	// error.
	Answers []Answer

	// Yield says that a race lost to another process, which may be at it right
	// now, ends the advance: with a [LostRace], and nothing reserved.
	Yield bool

	// Asked is a process that was asked in vain for what the advance is for; "" is
	// nobody. An advance of a key that another process owns ends with a [LostRace],
	// unless that is the one which was asked. Then the advance waits until the key
	// has been let go, or taken over from an owner whose session stands still.
	Asked string

	// Owned says that the key is to be this process's own: ids of it may be handed
	// out without asking, for as long as the Tenure lasts that the Starter sets
	// before Done is told of them.
	Owned  bool
	Tenure *Tenure
}

// Ended reports whether no attempt may begin any more.
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

// Advancer is told the outcome of an [Advance].
type Advancer interface {
	// Advanced gets a's ids, a.N of them, or an error. Those of a's Answers stand
	// there. It must not block: other keys wait behind it.
	Advanced(a *Advance, ids Range, err error)
}

// LostRace is the error of an [Advance] that yields, and of one whose key another
// process owns. Nothing was reserved.
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
