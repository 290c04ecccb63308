package numbering

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// Config says how ids are counted and printed. The zero value says nothing and is
// refused.
type Config struct {
	// Period is how long ids are counted before they begin anew: "day", "week" (of ISO
	// 8601), "month" or "year". "" and "none" mean that they never do.
	Period string

	// YearStarts is the month and day on which a period of "year" begins, as
	// "04-01". "" means 1 January.
	YearStarts string

	// Zone is the IANA name of the time zone by whose calendar periods begin. "" means
	// UTC.
	Zone string

	// Format is what a number looks like, as DESIGN.md describes. "" means
	// "{period}-{id}".
	Format string

	// Secret is the key of {scramble:N}. It has at least [MinSecret] bytes, and is nil
	// in a rule without {scramble:N}.
	Secret []byte
}

// Limits of a Config.
const (
	MaxFormat = 128 // bytes
	MinSecret = 16  // bytes
)

// defaultFormat is that of a rule with periods.
const defaultFormat = "{period}-{id}"

// PartError is returned by [New] for a Config that makes no sense.
type PartError struct {
	Setting string // period, year_starts, zone, format or scramble_secret_file
	Part    string // of the format, as it is written there; "" for the whole setting
	Text    string // what is wrong with it
}

func (e *PartError) Error() string { return "number." + e.Setting + ": " + e.Reason() }

// Reason returns what is wrong, without the setting's name.
func (e *PartError) Reason() string {
	if e.Part == "" {
		return e.Text
	}
	return "part " + e.Part + ": " + e.Text
}

// Rule is a compiled [Config].
type Rule struct {
	config   Config // without the secret
	calendar calendar
	zone     *time.Location
	parts    []part
	fixed    int   // bytes of a number besides its id, if that has no width of its own; else of all
	limit    int64 // greatest id
	scramble *scrambler

	span  atomic.Pointer[span]  // never nil; what Period found last
	names atomic.Pointer[names] // never nil; of the period that was asked about last
}

// New compiles a Config. An error is a [*PartError].
func New(c Config) (*Rule, error) {
	r := &Rule{config: c}
	r.config.Secret = nil
	if c.Period == "" && c.Format == "" {
		return nil, &PartError{Setting: "period", Text: "there is neither a period nor a format: set one of them"}
	}
	var err error
	if r.calendar, err = newCalendar(c.Period, c.YearStarts); err != nil {
		return nil, err
	}
	if r.zone, err = loadZone(c.Zone, r.calendar.kind); err != nil {
		return nil, err
	}
	if r.config.Format == "" {
		if r.calendar.kind == never {
			return nil, &PartError{Setting: "format", Text: "is missing: without periods a number is nothing but its format"}
		}
		r.config.Format = defaultFormat
	}
	if r.parts, err = parseFormat(r.config.Format); err != nil {
		return nil, err
	}
	if err := makesSense(r.parts, r.calendar.kind); err != nil {
		return nil, err
	}
	if !has(r.parts, partYear4, partPeriod) && has(r.parts, partYear2) {
		r.calendar.inCentury()
	}
	r.limit = math.MaxInt64
	if r.Periodic() {
		r.limit = allocator.MaxPeriodID
	}
	for _, p := range r.parts {
		r.fixed += p.bytes(r.calendar)
		if p.isID() && p.width > 0 {
			r.limit = min(r.limit, powersOfTen[p.width]-1)
		}
	}
	if r.scramble, err = newScrambler(r.parts, c.Secret); err != nil {
		return nil, err
	}
	r.span.Store(&span{})
	r.names.Store(&names{})
	return r, nil
}

// Periodic reports whether ids begin anew with each period.
func (r *Rule) Periodic() bool { return r.calendar.kind != never }

// Limit returns the greatest id that a number has room for.
func (r *Rule) Limit() int64 { return r.limit }

// Bounded reports whether the format is what limits ids, rather than the most that a
// period or an int64 holds.
func (r *Rule) Bounded() bool {
	return r.limit < math.MaxInt64 && !(r.Periodic() && r.limit == allocator.MaxPeriodID)
}

// String describes the rule, without its secret.
func (r *Rule) String() string {
	if !r.Periodic() {
		return r.config.Format
	}
	text := r.config.Format + " by " + r.config.Period
	if r.config.YearStarts != "" {
		text += " from " + r.config.YearStarts
	}
	return fmt.Sprintf("%s in %s", text, r.zone)
}
