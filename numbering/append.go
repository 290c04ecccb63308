package numbering

import (
	"strconv"

	"github.com/seqd-io/seqd/allocator"
)

// Append appends the number of an id of a period to dst. It allocates nothing if there
// is room. The key only matters where ids are scrambled. p is 0 in a rule without
// periods. id goes from 1 to the limit; a greater one is printed with all of its
// digits, and so has more of them than the format gives room for.
func (r *Rule) Append(dst []byte, key allocator.Key, p allocator.Period, id int64) []byte {
	var n *names
	if r.calendar.kind != never {
		n = r.namesOf(p)
	}
	start := len(dst)
	for i := range r.parts {
		switch part := &r.parts[i]; part.kind {
		case partText:
			dst = append(dst, part.text...)
		case partID:
			dst = appendDigits(dst, id, part.width)
		case partBase32:
			dst = appendBase32(dst, id)
		case partScramble:
			if id >= 0 && id < powersOfTen[part.width] {
				id = r.scramble.encrypt(key, r.counted(p), id)
			}
			dst = appendDigits(dst, id, part.width)
		case partPeriod:
			dst = append(dst, n.label...)
		case partYear4:
			dst = appendDigits(dst, int64(n.year), 4)
		case partYear2:
			dst = appendDigits(dst, int64(n.year%100), 2)
		case partMonth:
			dst = appendDigits(dst, int64(n.month), 2)
		case partDay:
			dst = appendDigits(dst, int64(n.day), 2)
		case partWeek:
			dst = appendDigits(dst, int64(n.week), 2)
		case partLuhn:
			dst = append(dst, luhn(dst[start:]))
		case partDamm:
			dst = append(dst, damm(dst[start:]))
		}
	}
	return dst
}

// counted returns the period of the rule that p is in. It is p itself, unless p was
// begun by a rule with shorter periods: numbers that name one period are scrambled
// in one way.
func (r *Rule) counted(p allocator.Period) allocator.Period {
	if r.calendar.kind == never {
		return 0
	}
	return allocator.Period(max(r.calendar.first, r.calendar.begin(int(p))))
}

// appendDigits appends n, with zeros before it up to a width.
func appendDigits(dst []byte, n int64, width int) []byte {
	if n < 0 || width == 0 || n >= powersOfTen[width] {
		return strconv.AppendInt(dst, n, 10)
	}
	for range width {
		dst = append(dst, '0')
	}
	for i := len(dst) - 1; n > 0; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
	return dst
}
