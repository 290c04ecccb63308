package allocatortest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// Op is one request that got its ids. It had begun at Start and its answer was
// there at End, so that an op that ended before another's Start was answered
// before the other was asked. Ops with equal stamps are concurrent.
type Op struct {
	Start, End int64 // ns, all on one monotonic clock
	Key        allocator.Key
	Ids        allocator.Range
	Strong     bool // asked for in STRONG mode
	Client     int  // who asked
	Worker     int  // who answered
}

func (op Op) String() string {
	mode := "weak"
	if op.Strong {
		mode = "strong"
	}
	return fmt.Sprintf("%s/%s ids %d to %d (%s, client %d, worker %d, from %d to %d ns)",
		op.Key.Store, op.Key.Name, op.Ids.First, op.Ids.Last(), mode, op.Client, op.Worker, op.Start, op.End)
}

// History collects ops. The zero value is empty, and its clock starts with the
// first use. History is safe for concurrent use.
type History struct {
	mu    sync.Mutex
	base  time.Time
	stamp int64
	ops   []Op
}

// Now returns a stamp for [Op] in ns: take one before the request is made and
// one after its answer came.
//
// No two stamps are equal, also where the clock stands still as in a
// testing/synctest bubble: what happened in sequence is then still known to
// have.
func (h *History) Now() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.base.IsZero() {
		h.base = time.Now()
	}
	h.stamp = max(h.stamp+1, time.Since(h.base).Nanoseconds())
	return h.stamp
}

// Add adds an op.
func (h *History) Add(op Op) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, op)
}

// Ops returns the ops so far, in the order they were added.
func (h *History) Ops() []Op {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.ops)
}

// Check returns an error if the history breaks a promise, in any mode.
func (h *History) Check() error {
	ops := h.Ops()
	for _, check := range []func([]Op) error{CheckUnique, CheckStrong, CheckWeak} {
		if err := check(ops); err != nil {
			return err
		}
	}
	return nil
}
