package allocator

import (
	"math"
	"sync/atomic"
	"time"
)

// Tenure is the time for which the keys that a process claims meanwhile are its
// own: nobody else reserves ids of them. It begins when a [Source] has written
// the process's session, is extended with each renewal, and once it has ended it
// stays so; what is claimed later belongs to another Tenure. So an id is always
// held against the Tenure it was reserved in, whatever became of the key since.
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
// extended or ended. Both are times of the clock that it will be asked by.
func NewTenure(began, until time.Time) *Tenure {
	t := &Tenure{number: tenures.Add(1), began: began}
	t.until.Store(int64(until.Sub(began)))
	return t
}

// Extend lets t last until that time, if it has not been ended. It never makes t
// shorter.
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

// Holds reports whether an id of t may be handed out to a request that came
// before now. It must be a time with a monotonic reading, read after the request
// came: a clock that is read in advance lets a process that stood still hand out
// ids after another one has taken over.
func (t *Tenure) Holds(now time.Time) bool {
	return t != nil && int64(now.Sub(t.began)) < t.until.Load()
}

// Left returns for how long t holds from now on; it is not positive if it does
// not.
func (t *Tenure) Left(now time.Time) time.Duration {
	if t == nil || t.until.Load() == ended {
		return 0
	}
	return time.Duration(t.until.Load()) - now.Sub(t.began)
}
