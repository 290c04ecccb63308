package admin

import (
	"fmt"
	"strings"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
)

// calendar is what the configuration says of the periods that a key counts in.
type calendar interface {
	Period(now time.Time) allocator.Period
	Label(p allocator.Period) string
	ParsePeriod(label string) (allocator.Period, error)
	Limit() int64 // the greatest id in a period
}

// calendarOf returns the calendar of a key, nil if the configuration says of none.
func (a *admin) calendarOf(key allocator.Key) calendar {
	c, err := a.of(key.Store)
	if err != nil {
		return nil
	}
	return c.calendarOf(key)
}

// label names a period of a key: by its rule, or by the date that it begins on.
func (a *admin) label(key allocator.Key, p allocator.Period) string {
	if p == 0 {
		return ""
	}
	if cal := a.calendarOf(key); cal != nil {
		return cal.Label(p)
	}
	return string(p.AppendDate(nil))
}

// earliest is how far behind UTC a date begins at most, so that a period which
// begins on it has begun somewhere.
const earliest = 14 * time.Hour

// period reads what an operator calls a period of a key. One that has not begun
// would begin with it, and none goes back: so it is refused.
func (a *admin) period(key allocator.Key, label string) (p allocator.Period, err error) {
	now := time.Now()
	begun := func() bool { return !p.Date().After(now.Add(earliest)) }
	if cal := a.calendarOf(key); cal != nil {
		p, err = cal.ParsePeriod(label)
		begun = func() bool { return p <= cal.Period(now) }
	} else if p, err = allocator.ParsePeriodDate(label); err != nil {
		err = fmt.Errorf("%w: the configuration names no periods of this key, so a period is named by the date that it begins on", err)
	}
	switch {
	case err != nil:
		return 0, err
	case !begun():
		return 0, fmt.Errorf("%s has not begun; the key would go on in it at once, and no period goes back", label)
	}
	return p, nil
}

// exhausted reports whether a counter has no ids left, perhaps in its period.
func (a *admin) exhausted(c operate.Change) bool {
	_, id := c.SplitIs()
	cal := a.calendarOf(c.Key)
	return c.Exhausted() || cal != nil && c.Periods && id >= cal.Limit()
}

// behind are counters that were raised in their records' periods, while later ones
// may have begun since.
type behind []string

func (b *behind) add(a *admin, c operate.Change) {
	p, _ := c.SplitIs()
	if cal := a.calendarOf(c.Key); p > 0 && c.Err == nil && (cal == nil || cal.Period(time.Now()) > p) {
		*b = append(*b, c.Key.Store+" "+quoted(keyText(c.Key)))
	}
}

func (b behind) String() string {
	const few = 5
	names, more := []string(b), ""
	if len(names) > few {
		names, more = names[:few], fmt.Sprintf(" and %d more", len(names)-few)
	}
	return "raised only in the period of the record, although a later one may have been lost: " + strings.Join(names, ", ") + more +
		"; if ids of a later one were issued: seqd admin raise STORE KEY --period PERIOD --to ID"
}
