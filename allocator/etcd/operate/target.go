package operate

import (
	"fmt"
	"strconv"

	"github.com/seqd-io/seqd/allocator"
)

// PeriodError is returned where a record was left alone because it can't be raised
// in the way that was asked for.
type PeriodError struct {
	Record allocator.Period // that the counter is in; 0: it counts in none
	Asked  allocator.Period // that it was to be raised in; 0: in none
}

func (e *PeriodError) Error() string {
	switch {
	case e.Asked == 0:
		return fmt.Sprintf("the key counts in periods, and is in the one that begins on %s: no id says how far, without its period", e.Record.AppendDate(nil))
	case e.Record == 0:
		return "the key counts in no periods"
	}
	return fmt.Sprintf("the period that begins on %s is over: the key is in the one that begins on %s, and none goes back", e.Asked.AppendDate(nil), e.Record.AppendDate(nil))
}

// target is what a counter is to be raised to.
type target struct {
	to      int64 // the mark
	periods bool  // it is in a period
	begins  bool  // also a record that counts in none is raised to it, or one is made
	by      int64 // it is so much higher than the counter was; 0: whatever the counter was
}

// jumpOf returns the target of a jump by that much, of what the record was at
// first.
func jumpOf(m Mark, by int64) *target { return &target{to: m.Plus(by), periods: m.Periods, by: by} }

// aim fits a record that was read, and the target, to each other. The error is a
// PeriodError.
//
// A jump goes by the period that the record is in when it is written: what was
// counted of an earlier one says nothing of this one.
func (t *target) aim(m *Mark) error {
	at, _ := split(m.last(), m.Periods)
	asked, _ := split(t.to, t.periods)
	switch {
	case t.by > 0 && (m.Periods != t.periods || at > asked):
		t.to, t.periods = m.Plus(t.by), m.Periods
	case t.by > 0:
	case m.Periods && at > asked, m.Periods && !t.periods, !m.Periods && t.periods && !t.begins:
		return &PeriodError{Record: at, Asked: asked}
	case !m.Periods && t.periods: // and so it begins them
		m.Periods, m.began = true, true
	}
	return nil
}

// next returns what the mark is raised to that was read as m: raise says why one
// that somebody owns is raised in any case.
func (t *target) next(m Mark) int64 {
	is := max(t.to, m.last())
	if m.Owner != "" && !m.left {
		is = max(is, m.Plus(1))
	}
	return is
}

func (t *target) String() string {
	p, id := split(t.to, t.periods)
	if p == 0 {
		return strconv.FormatInt(id, 10)
	}
	return fmt.Sprintf("%d of the period that begins on %s", id, p.AppendDate(nil))
}
