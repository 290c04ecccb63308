package numbering

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/seqd-io/seqd/allocator"
)

// Errors of [Rule.Decode].
var (
	// ErrCheckDigit is returned for a number that has the form of the rule but a wrong
	// check digit. That digit, or one before it, is wrong.
	ErrCheckDigit = errors.New("numbering: wrong check digit")

	// ErrForm is wrapped by every other error. It says that the rule prints no such
	// number.
	ErrForm = errors.New("numbering: not a number of this rule")
)

// Decode returns the period and the id for which Append prints number. In base 32 it
// takes letters in either case, O for 0, and I and L for 1. An error is ErrCheckDigit,
// or wraps ErrForm.
//
// Decode can't tell whether the number was issued.
func (r *Rule) Decode(key allocator.Key, number string) (allocator.Period, int64, error) {
	n, err := r.read(number)
	if err != nil {
		return 0, 0, err
	}
	p, err := r.periodOf(n)
	if err != nil {
		return 0, 0, err
	}
	if r.scramble != nil {
		n.id = r.scramble.decrypt(key, p, n.id)
	}
	switch {
	case n.id < 1:
		return 0, 0, wrongForm("its id would be 0, and ids begin with 1")
	case n.id > r.limit:
		return 0, 0, wrongForm("its id would be %d, and the greatest is %d", n.id, r.limit)
	}
	// Whatever was read leniently, as a part of the period that stands there twice,
	// is held to what would be printed.
	if again := r.Append(nil, key, p, n.id); !bytes.Equal(again, n.canonical) {
		return 0, 0, wrongForm("it would be printed %s", again)
	}
	return p, n.id, nil
}

func wrongForm(text string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrForm, fmt.Sprintf(text, args...))
}

// printed is what the parts of a number say. Parts of a period that are not there
// are -1.
type printed struct {
	label                  string
	year, month, day, week int
	id                     int64
	canonical              []byte // the number, with digits of base 32 as they are printed
}

// read takes a number apart.
func (r *Rule) read(number string) (printed, error) {
	n := printed{year: -1, month: -1, day: -1, week: -1}
	wide := len(number) - r.fixed // bytes of an id without a width
	rest := number
	for _, part := range r.parts {
		width := part.bytes(r.calendar)
		if part.isID() && width == 0 {
			width = max(wide, 1)
		}
		if len(rest) < width {
			return n, wrongForm("it is too short")
		}
		text := rest[:width]
		rest = rest[width:]
		var ok bool
		switch part.kind {
		case partText:
			ok = text == part.text
		case partPeriod:
			n.label, ok = text, true
		case partBase32:
			if n.id, ok = readBase32(text); ok {
				for i := range len(text) {
					digit, _ := fromBase32(text[i])
					n.canonical = append(n.canonical, crockford[digit])
				}
				continue
			}
		case partLuhn, partDamm:
			want := luhn(n.canonical)
			if part.kind == partDamm {
				want = damm(n.canonical)
			}
			if _, ok = readDecimal(text); ok && text[0] != want {
				return n, ErrCheckDigit
			}
		default:
			var value int64
			value, ok = readDecimal(text)
			n.set(part.kind, value)
		}
		if !ok {
			return n, wrongForm("%.40q stands where there must be %s", text, partName(part))
		}
		n.canonical = append(n.canonical, text...)
	}
	if rest != "" {
		return n, wrongForm("%.40q is left over at its end", rest)
	}
	return n, nil
}

// set notes what a part says.
func (n *printed) set(k partKind, value int64) {
	switch k {
	case partID, partScramble:
		n.id = value
	case partYear4:
		n.year = int(value)
	case partYear2:
		if n.year < 0 { // else there are four digits of it
			n.year = 2000 + int(value)
		}
	case partMonth:
		n.month = int(value)
	case partDay:
		n.day = int(value)
	case partWeek:
		n.week = int(value)
	}
}

// periodOf returns the period that a number is of.
func (r *Rule) periodOf(n printed) (allocator.Period, error) {
	if !r.Periodic() {
		return 0, nil
	}
	label := n.label
	if label == "" {
		label = r.calendar.label(n.year, n.month, n.day, n.week)
	}
	p, err := r.ParsePeriod(label)
	if err != nil {
		return 0, wrongForm("%s", strings.TrimPrefix(err.Error(), "numbering: "))
	}
	return p, nil
}

func partName(p part) string {
	if p.kind == partText {
		return fmt.Sprintf("%q", p.text)
	}
	return p.text
}

// readDecimal reads digits, and nothing else.
func readDecimal(text string) (n int64, ok bool) {
	if len(text) > digitsOfDecimals {
		return 0, false
	}
	for i := range len(text) {
		d := int64(text[i]) - '0'
		if d < 0 || d > 9 || n > (math.MaxInt64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

func readBase32(text string) (n int64, ok bool) {
	if len(text) > digitsOfBase32 {
		return 0, false
	}
	for i := range len(text) {
		d, ok := fromBase32(text[i])
		if !ok || n > (math.MaxInt64-d)/32 {
			return 0, false
		}
		n = n*32 + d
	}
	return n, true
}
