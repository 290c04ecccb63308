package numbering

import (
	"fmt"
	"strconv"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// names is what a period is called in numbers.
type names struct {
	period           allocator.Period
	label            string
	year, month, day int
	week             int
}

// namesOf returns what a period is called. It allocates where it was last asked
// about another.
func (r *Rule) namesOf(p allocator.Period) *names {
	n := r.names.Load()
	if n.period != p {
		n = r.calendar.names(p)
		r.names.Store(n)
	}
	return n
}

func (c calendar) names(p allocator.Period) *names {
	n := &names{period: p, year: c.year(int(p))}
	_, month, day := dateOf(c.begin(int(p)))
	n.month, n.day = int(month), day
	if c.kind == weekly {
		_, n.week = weekOf(int(p))
	}
	n.label = c.label(n.year, n.month, n.day, n.week)
	return n
}

// label returns what the period of a date is called.
func (c calendar) label(year, month, day, week int) string {
	switch {
	case c.kind == daily:
		return fmt.Sprintf("%04d-%02d-%02d", year, month, day)
	case c.kind == weekly:
		return fmt.Sprintf("%04d-W%02d", year, week)
	case c.kind == monthly:
		return fmt.Sprintf("%04d-%02d", year, month)
	case c.fiscal():
		return fmt.Sprintf("%04d-%02d", year, (year+1)%100)
	}
	return fmt.Sprintf("%04d", year)
}

// Label returns the name of a period: "2026-11-29", "2026-W48", "2026-11", "2026", or
// "2026-27" for a year that does not begin on 1 January. p may be any day of the
// period. Label returns "" for a rule without periods, and for 0.
func (r *Rule) Label(p allocator.Period) string {
	if !r.Periodic() || p == 0 {
		return ""
	}
	return r.namesOf(p).label
}

// ParsePeriod returns the period that is called label.
func (r *Rule) ParsePeriod(label string) (allocator.Period, error) {
	c := r.calendar
	if c.kind == never {
		return 0, fmt.Errorf("numbering: period %.40q: ids are not counted in periods", label)
	}
	day, ok := c.parse(label)
	if p := c.period(day); ok && p != 0 && c.begin(int(p)) == c.begin(day) && c.names(p).label == label {
		return p, nil
	}
	example := c.names(allocator.Period(dayOf(2026, time.November, 29))).label
	return 0, fmt.Errorf("numbering: period %.40q: a period of %v is written like %s, and is between %s and %s", label, c.kind, example, c.names(allocator.Period(c.first)).label, c.names(allocator.Period(c.last)).label)
}

// parse returns a day of the period that is called label, roughly: who calls it
// looks whether that is what the day's period is called.
func (c calendar) parse(label string) (day int, ok bool) {
	number := func(from, to int) int {
		if ok = ok && len(label) >= to; !ok {
			return 0
		}
		n, err := strconv.ParseUint(label[from:to], 10, 16)
		ok = err == nil
		return int(n)
	}
	ok = true
	year := number(0, 4)
	switch c.kind {
	case daily:
		return dayOf(year, time.Month(number(5, 7)), number(8, 10)), ok
	case weekly: // 4 January is in the first
		return c.begin(dayOf(year, time.January, 4)) + 7*(number(6, 8)-1), ok
	case monthly:
		return dayOf(year, time.Month(number(5, 7)), 1), ok
	}
	return dayOf(year, c.month, c.day), ok
}
