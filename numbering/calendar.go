package numbering

import (
	"fmt"
	"math"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// kind is how long a period is.
type kind uint8

const (
	never kind = iota // ids don't begin anew
	daily
	weekly
	monthly
	yearly
)

// kinds are the words of the configuration.
var kinds = map[string]kind{"": never, "none": never, "day": daily, "week": weekly, "month": monthly, "year": yearly}

func (k kind) String() string { return [...]string{"none", "day", "week", "month", "year"}[k] }

// calendar tells the days that periods begin on. Days are counted from 1 January
// 1970, as an [allocator.Period] counts them.
type calendar struct {
	kind  kind
	month time.Month // a year begins in
	day   int        // of that month

	// Every day before the period that begins on first is counted in that one,
	// and every day after last in last: a clock that is as wrong as that begins no
	// period that can't be told from another.
	first, last int
}

func newCalendar(period, yearStarts string) (calendar, error) {
	c := calendar{month: time.January, day: 1}
	var ok bool
	if c.kind, ok = kinds[period]; !ok {
		return c, &PartError{Setting: "period", Text: fmt.Sprintf("must be none, day, week, month or year, not %q", period)}
	}
	if yearStarts != "" {
		if c.kind != yearly {
			return c, &PartError{Setting: "year_starts", Text: "is for a period of year, not of " + c.kind.String()}
		}
		date, err := time.Parse("01-02", yearStarts) // of the year 0, which had a 29 February
		switch {
		case err != nil:
			return c, &PartError{Setting: "year_starts", Text: fmt.Sprintf("must be a month and a day, like 04-01, not %q", yearStarts)}
		case date.Month() == time.February && date.Day() == 29:
			return c, &PartError{Setting: "year_starts", Text: "must be a day that every year has, not 02-29"}
		}
		c.month, c.day = date.Month(), date.Day()
	}
	c.first = 1 // 0 is no period
	c.last = c.begin(math.MaxUint16)
	return c, nil
}

// fiscal reports whether a year begins on another day than 1 January.
func (c calendar) fiscal() bool { return c.kind == yearly && (c.month != time.January || c.day != 1) }

// inCentury keeps the years of periods between 2000 and 2099: of a format that has
// two digits of them, the other two must be known.
func (c *calendar) inCentury() {
	c.first = dayOf(2000, time.January, 1)
	for c.year(c.begin(c.first)) < 2000 {
		c.first++
	}
	c.first = c.begin(c.first)
	c.last = c.begin(dayOf(2100, time.January, 1) + 6) // no week is longer
	for c.year(c.last) > 2099 {
		c.last = c.begin(c.last - 1)
	}
}

// begin returns the day on which the period of a day began.
func (c calendar) begin(day int) int {
	switch c.kind {
	case weekly: // 1 January 1970 was a Thursday
		return day - ((day+3)%7+7)%7
	case monthly:
		y, m, _ := dateOf(day)
		return dayOf(y, m, 1)
	case yearly:
		y, _, _ := dateOf(day)
		if begin := dayOf(y, c.month, c.day); begin <= day {
			return begin
		}
		return dayOf(y-1, c.month, c.day)
	}
	return day
}

// next returns the day on which the period of a day ends, and the next begins.
func (c calendar) next(day int) int {
	day = c.begin(day)
	y, m, _ := dateOf(day)
	switch c.kind {
	case weekly:
		return day + 7
	case monthly:
		return dayOf(y, m+1, 1)
	case yearly:
		return dayOf(y+1, c.month, c.day)
	}
	return day + 1
}

// period returns the period that a day is counted in.
func (c calendar) period(day int) allocator.Period {
	return allocator.Period(max(c.first, c.begin(min(day, c.last))))
}

// year returns the year that the period of a day is named by: that of its first
// day, and of a week the one that has most of its days.
func (c calendar) year(day int) int {
	if c.kind == weekly {
		y, _ := weekOf(day)
		return y
	}
	y, _, _ := dateOf(c.begin(day))
	return y
}

func dayOf(year int, month time.Month, day int) int {
	return int(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / secondsOfDay)
}

func dateOf(day int) (int, time.Month, int) { return utc(day).Date() }

func weekOf(day int) (year, week int) { return utc(day).ISOWeek() }

func utc(day int) time.Time { return time.Unix(int64(day)*secondsOfDay, 0).UTC() }

const secondsOfDay = 24 * 60 * 60
