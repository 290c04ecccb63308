package allocator

import (
	"fmt"
	"math"
	"time"
)

// Period is a span of time within which a key's ids are counted anew. It is identified
// by the date that it begins on, as the number of days since 1 January 1970. Periods
// may be of any length, and a later one always follows an earlier one, so that a key
// which counted by months may go on by days. 0 stands for keys that count in no
// periods. The latest period begins in June 2149.
type Period uint16

// Ids that are counted in periods are marks: the period above, the id below. So
// marks are ordered as (period, id) are, a period never goes back because no mark
// does, and to begin a period is to advance a key from the mark before its first
// id. Whatever advances, compares, hands over or gives back ids knows of marks
// alone.
const (
	idBits = 47

	// MaxPeriodID is the greatest id in a period, 140 737 488 355 327.
	MaxPeriodID = 1<<idBits - 1
)

// Mark returns the mark of an id of p. For id 0 it is the mark before the first id. id
// must be at most MaxPeriodID unless p is 0.
func (p Period) Mark(id int64) int64 { return int64(p)<<idBits | id }

// SplitMark returns the period and the id that a mark stands for, of a key that counts
// in periods. A key that has not begun any period yet has plain ids: their period is
// 0.
func SplitMark(mark int64) (Period, int64) {
	return Period(mark >> idBits), mark & MaxPeriodID
}

const (
	day        = 24 * time.Hour
	dateLayout = time.DateOnly
)

// PeriodOf returns the period that begins on a date. A date before the first period
// gives the first one, and a date after the last gives the last one.
func PeriodOf(year int, month time.Month, date int) Period {
	days := time.Date(year, month, date, 0, 0, 0, 0, time.UTC).Unix() / int64(day/time.Second)
	return Period(max(1, min(days, math.MaxUint16)))
}

// Date returns midnight, in UTC, of the date that p begins on.
func (p Period) Date() time.Time { return time.Unix(int64(p)*int64(day/time.Second), 0).UTC() }

// AppendDate writes the date that p begins on, as 2026-11-01.
func (p Period) AppendDate(b []byte) []byte { return p.Date().AppendFormat(b, dateLayout) }

// ParsePeriodDate reads what AppendDate writes.
func ParsePeriodDate(s string) (Period, error) {
	t, err := time.Parse(dateLayout, s)
	if err != nil {
		return 0, fmt.Errorf("%q is no date, such as 2026-11-01", s)
	}
	p := PeriodOf(t.Date())
	if !p.Date().Equal(t) {
		return 0, fmt.Errorf("there is no period that begins on %s", s)
	}
	return p, nil
}
