package subjects

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
)

// MaxNumbers bounds the ids of one request for a key whose ids have numbers: a
// reply writes each of them.
const MaxNumbers = 1000

// Names of a reply's fields that only keys with periods or numbers have.
const (
	periodField  = "period"
	numberField  = "number"  // of one id
	numbersField = "numbers" // of more
)

// AppendNumbers writes the reply as [Reply.Append] does, with a number for each id.
// number appends the number of ID+i, and is called for each i below N in turn. The
// Numbers of the reply are passed over. It is for a worker, which makes numbers and
// need not keep them. Nothing is allocated if dst has room, unless something has to be
// escaped in JSON or a number has more than 255 bytes.
func (r *Reply) AppendNumbers(dst []byte, f Format, number func(dst []byte, i int) []byte) []byte {
	return r.appendNumbers(dst, f, r.N, number)
}

// appendNumbers writes as many numbers as there are: a reply that somebody has read
// may have other than N.
func (r *Reply) appendNumbers(dst []byte, f Format, numbers int, number func(dst []byte, i int) []byte) []byte {
	switch {
	case f == JSON:
		return r.appendJSONNumbers(dst, numbers, number)
	case f == Text && numbers > 0:
		for i := range numbers {
			if i > 0 {
				dst = append(dst, '\n')
			}
			dst = number(dst, i)
		}
		return dst
	case f == Text:
		plain := Reply{ID: r.ID, N: r.N}
		return plain.Append(dst, f)
	}
	count := byte(2)
	for _, set := range []bool{r.Period != "", numbers > 0, r.Nonce.IsSet()} {
		if set {
			count++
		}
	}
	dst = r.appendRange(dst, count)
	if r.Period != "" {
		dst = appendStr(appendStr(dst, periodField), r.Period)
	}
	switch {
	case r.N == 1 && numbers == 1:
		dst = appendNumber(appendStr(dst, numberField), number, 0)
	case numbers > 0:
		dst = appendArray(appendStr(dst, numbersField), numbers)
		for i := range numbers {
			dst = appendNumber(dst, number, i)
		}
	}
	if r.Nonce.IsSet() {
		dst = r.Nonce.append(appendStr(dst, nonceField), Msgpack)
	}
	return dst
}

// appendNumber writes a number in msgpack. How long it is shows when it is written.
func appendNumber(dst []byte, number func(dst []byte, i int) []byte, i int) []byte {
	at := len(dst)
	dst = number(append(dst, mpFixstr), i)
	switch n := len(dst) - at - 1; {
	case n < 32:
		dst[at] |= byte(n)
	case n < 256:
		dst[at] = mpStr8
		dst = slices.Insert(dst, at+1, byte(n))
	default:
		dst = appendStr(dst[:at], string(dst[at+1:]))
	}
	return dst
}

// appendArray begins an array of n items, in the shortest form.
func appendArray(dst []byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, mpFixarray|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, mpArray16), uint16(n))
	default:
		return binary.BigEndian.AppendUint32(append(dst, mpArray32), uint32(n))
	}
}

func (r *Reply) appendJSONNumbers(dst []byte, numbers int, number func(dst []byte, i int) []byte) []byte {
	dst = strconv.AppendInt(append(dst, `{"id":"`...), r.ID, 10)
	dst = strconv.AppendInt(append(dst, `","n":`...), int64(r.N), 10)
	if r.Period != "" {
		dst = appendJSONString(append(dst, `,"period":`...), r.Period)
	}
	switch {
	case r.N == 1 && numbers == 1:
		dst = appendJSONNumber(append(dst, `,"number":`...), number, 0)
	case numbers > 0:
		dst = append(dst, `,"numbers":`...)
		for i := range numbers {
			dst = appendJSONNumber(append(dst, "[,"[min(i, 1)]), number, i)
		}
		dst = append(dst, ']')
	}
	if r.Nonce.IsSet() {
		dst = r.Nonce.append(append(dst, `,"nonce":`...), JSON)
	}
	return append(dst, '}')
}

func appendJSONNumber(dst []byte, number func(dst []byte, i int) []byte, i int) []byte {
	at := len(dst)
	dst = number(append(dst, '"'), i)
	if text := dst[at+1:]; !jsonPlain(text) {
		return appendJSONString(dst[:at], string(text))
	}
	return append(dst, '"')
}
