package allocator

import (
	"math"
	"sync/atomic"
	"time"
)

// Tenure is the time during which this process owns the keys that it claims: nobody
// else reserves ids of them. It begins when a Source has written the process's
// session, and each renewal extends it. Once it has ended it stays ended, and what is
// claimed later belongs to another Tenure. So an id is always checked against the
// Tenure in which it was reserved, whatever has become of the key since.
//
// A Tenure is safe for concurrent use.
type Tenure struct {
	number uint64
	began  time.Time
	until  atomic.Int64 // nanoseconds after began; ended once it is over for good
}

const ended = math.MinInt64

var tenures atomic.Uint64

// NewTenure returns a Tenure that lasts from began until that time, unless it is
// extended or ended. Both are times of the clock that it will be checked by.
func NewTenure(began, until time.Time) *Tenure {
	t := &Tenure{number: tenures.Add(1), began: began}
	t.until.Store(int64(until.Sub(began)))
	return t
}

// Extend lets t last until that time, unless it has ended. It never makes t shorter.
func (t *Tenure) Extend(until time.Time) {
	now := int64(until.Sub(t.began))
	for was := t.until.Load(); was != ended && was < now && !t.until.CompareAndSwap(was, now); {
		was = t.until.Load()
	}
}

// End ends t for good.
func (t *Tenure) End() {
	if t != nil {
		t.until.Store(ended)
	}
}

// Holds reports whether an id of t may be handed out to a request that came before
// now. now must have a monotonic reading, and must be read after the request came. If
// the clock were read in advance, a process that stood still could hand out ids after
// another one has taken over.
func (t *Tenure) Holds(now time.Time) bool {
	return t != nil && int64(now.Sub(t.began)) < t.until.Load()
}

// Left returns how much longer t holds. It is not positive if t has ended.
func (t *Tenure) Left(now time.Time) time.Duration {
	if t == nil || t.until.Load() == ended {
		return 0
	}
	return time.Duration(t.until.Load()) - now.Sub(t.began)
}
