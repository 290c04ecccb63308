package operate

import (
	"math"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// Mark is a counter's record.
type Mark struct {
	Key  allocator.Key
	Last int64  // every id up to here is spent or reserved; 0 where Err is set
	By   string // who wrote it
	Err  error  // why the record is not understood, an [allocator.ErrUnreadable]; else nil

	// Periods says that the key counts in periods, so that Last is a mark of one:
	// see [Mark.Split].
	Periods bool

	// Owner is the worker that alone may reserve ids, while its [Session] is there;
	// "": any may.
	Owner string

	rev   int64 // ModRevision; 0: there is none
	left  bool  // the Owner had no session when it was looked for
	began bool  // Periods is for the next write: the record is of a key that counted in none
}

func markOf(key allocator.Key, value []byte, rev int64) Mark {
	rec, err := record.DecodeCounter(value)
	return Mark{Key: key, Last: rec.Last, By: rec.By, Periods: rec.Periods, Owner: rec.Owner, Err: err, rev: rev}
}

// Split returns the period that m is in, 0 if the key counts in none, and the id.
func (m Mark) Split() (allocator.Period, int64) { return split(m.Last, m.Periods) }

func split(last int64, periods bool) (allocator.Period, int64) {
	if !periods {
		return 0, last
	}
	return allocator.SplitMark(last)
}

// Plus returns the mark that is higher by that many ids, but not past the last one
// that there is, in m's period if it is in one.
func (m Mark) Plus(by int64) int64 {
	p, id := split(m.last(), m.Periods)
	if p > 0 {
		return p.Mark(min(Above(id, by), allocator.MaxPeriodID))
	}
	return Above(id, by)
}

// Above returns last + by, but not past math.MaxInt64.
func Above(last, by int64) int64 {
	if last > math.MaxInt64-by {
		return math.MaxInt64
	}
	return last + by
}

// last returns m as the next write sees it: ids that a key had before it counted
// in periods come before all periods.
func (m Mark) last() int64 {
	if m.began {
		return 0
	}
	return m.Last
}

// later returns the one of two records of a counter that it goes on from.
func later(a, b Mark) Mark {
	if a.Periods != b.Periods && a.Periods || a.Periods == b.Periods && a.Last >= b.Last {
		return a
	}
	return b
}

// Change is what became of a counter.
type Change struct {
	Key     allocator.Key
	Was, Is int64  // its marks
	Owner   string // of the counter; "": none
	Err     error  // why the record was left alone: an [allocator.ErrUnreadable] or a [PeriodError]; else nil

	Periods bool // Is is a mark of a period
	Began   bool // and Was is not: before, the key counted in none
}

func changeOf(m Mark) Change {
	return Change{Key: m.Key, Was: m.Last, Periods: m.Periods, Began: m.began || m.rev == 0 && m.Periods}
}

// Jumped returns what a jump by that much would make of m.
func (m Mark) Jumped(by int64) Change {
	return Change{Key: m.Key, Was: m.Last, Is: m.Plus(by), Periods: m.Periods, Owner: m.Owner, Err: m.Err}
}

// SplitWas returns the period and the id that the counter was at; the period is 0
// if it counted in none.
func (c Change) SplitWas() (allocator.Period, int64) { return split(c.Was, c.Periods && !c.Began) }

// SplitIs returns the period and the id that it is at.
func (c Change) SplitIs() (allocator.Period, int64) { return split(c.Is, c.Periods) }

// Exhausted reports whether there are no ids left, in the period if it counts in
// periods.
func (c Change) Exhausted() bool {
	p, id := c.SplitIs()
	return p > 0 && id == allocator.MaxPeriodID || c.Is == math.MaxInt64
}
