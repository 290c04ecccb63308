package etcd

import (
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// load foresees how long a swap would have to wait. txns.mu guards it.
//
// Where more swaps come than etcd can do, a queue gets so long that everybody's
// time is up before his turn, or just after: etcd is busy with swaps that nobody
// waits for any more, and nobody gets any. So a swap that would come too late is
// refused before it is queued, and those that are queued are done in time.
type load struct {
	took time.Duration // a transaction lately, on average; 0: not known yet
}

// note learns from a transaction that succeeded.
func (l *load) note(took time.Duration) {
	if l.took == 0 {
		l.took = took
	}
	l.took += (took - l.took) / 8
}

// wait returns how long a swap takes with so many due before it.
func (l *load) wait(due int) time.Duration {
	turns := due/maxSwaps + 1 // until it is taken along, and then its own
	return l.took*time.Duration(turns)/maxFlying + l.took
}

// refuse returns an error if a swap with so many due before it would not be done
// by deadline. A queue that the next transaction takes along refuses nobody.
func (l *load) refuse(deadline time.Time, due int) error {
	if due < maxSwaps || deadline.IsZero() {
		return nil
	}
	// The answer has a way to go too, and the next transactions may take longer.
	if wait := l.wait(due); time.Until(deadline) < wait+wait/2 {
		return &allocator.BusyError{Wait: wait}
	}
	return nil
}
