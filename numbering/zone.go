package numbering

import (
	"fmt"
	"math"
	"time"
	_ "time/tzdata" // a container's image may have no zones

	"github.com/seqd-io/seqd/allocator"
)

// loadZone returns the zone of a name. The machine's own data count where there are
// any, as they may be newer than those that are built in.
func loadZone(name string, k kind) (*time.Location, error) {
	if name != "" && k == never {
		return nil, &PartError{Setting: "zone", Text: "there are no periods that could begin by it: set period, or leave it out"}
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" { // which differs from machine to machine
		return nil, &PartError{Setting: "zone", Text: fmt.Sprintf("must be an IANA name, like Europe/Berlin, not %q", name)}
	}
	return zone, nil
}

// span is the time during which a period is the current one.
type span struct {
	from, until int64 // Unix time, in seconds; until is not part of it
	period      allocator.Period
}

// Period returns the period that a moment is in, which is the last one that has begun
// by then. A period begins when the zone's calendar first shows its first day or a
// later one. So it begins once, although a clock that is put back may show the day
// before again. It also begins where its first day is skipped or has no midnight.
// Period returns 0 for a rule without periods.
//
// It does not allocate while the moments that it is asked about are in one period.
func (r *Rule) Period(now time.Time) allocator.Period {
	if r.calendar.kind == never {
		return 0
	}
	second := now.Unix()
	if s := r.span.Load(); s.from <= second && second < s.until {
		return s.period
	}
	s := r.spanOf(second)
	r.span.Store(&s)
	return s.period
}

// spanOf returns the period that a second is in, and since when and until when it
// is.
func (r *Rule) spanOf(second int64) span {
	c := r.calendar
	y, m, d := time.Unix(second, 0).In(r.zone).Date()
	day := int(c.period(dayOf(y, m, d)))
	for day < c.last { // the clock may have been put back over the next one's beginning
		next := c.next(day)
		begin := r.begins(next)
		if second < begin {
			from := int64(math.MinInt64)
			if day > c.first {
				from = r.begins(day)
			}
			return span{from: from, until: begin, period: allocator.Period(day)}
		}
		day = next
	}
	return span{from: r.begins(c.last), until: math.MaxInt64, period: allocator.Period(day)}
}

// begins returns the second from which the zone's calendar shows a day, or a later
// one. It looks at one stretch between two changes of the zone's clocks after the
// other, and starts where no zone has the day yet.
func (r *Rule) begins(day int) int64 {
	midnight := int64(day) * secondsOfDay
	for at := time.Unix(midnight-26*60*60, 0).In(r.zone); ; {
		_, offset := at.Zone()
		begin := max(midnight-int64(offset), at.Unix())
		end, ever := stretch(at)
		if !ever || begin < end.Unix() {
			return begin
		}
		at = end
	}
}

// stretch returns a moment after at up to which the zone's clocks are not changed;
// false if they never are.
//
// That is what ZoneBounds is for. But of years that the zone's data have no table
// for, it counts 365 days: on the last day of a leap year it returns an end that is
// past. What is not past is right, and no zone changes its clocks between quarters
// of an hour any more.
func stretch(at time.Time) (end time.Time, ever bool) {
	_, end = at.ZoneBounds()
	if end.IsZero() {
		return end, false
	}
	if !end.After(at) {
		return at.Truncate(15 * time.Minute).Add(15 * time.Minute), true
	}
	return end, true
}
