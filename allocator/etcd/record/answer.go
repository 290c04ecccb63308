package record

import (
	"fmt"
	"math"
	"strconv"

	"github.com/seqd-io/seqd/allocator"
)

// answerFormat is raised when older workers must not go by a record.
const answerFormat = 1

// Answer is what a request got that has an idempotency key. It is made together
// with the reservation of its ids and never written again, and ends with an etcd
// lease, which is right for what is no counter.
type Answer struct {
	IDs     allocator.Range // marks
	Weak    bool            // what was asked for
	Periods bool            // the ids are in a period
}

// Encode returns the record as etcd keeps it.
func (a Answer) Encode() string {
	first := a.IDs.First
	b := append(make([]byte, 0, 96), `{"fmt":`...)
	b = strconv.AppendInt(b, answerFormat, 10)
	if a.Periods {
		var p allocator.Period
		p, first = allocator.SplitMark(first)
		b = append(p.AppendDate(append(b, `,"period":"`...)), '"')
	}
	b = strconv.AppendInt(append(b, `,"id":`...), first, 10)
	b = strconv.AppendInt(append(b, `,"n":`...), int64(a.IDs.N), 10)
	if a.Weak {
		return string(append(b, `,"mode":"weak"}`...))
	}
	return string(append(b, `,"mode":"strong"}`...))
}

// DecodeAnswer reads a record.
func DecodeAnswer(value []byte) (Answer, error) {
	var raw struct {
		Fmt    int    `json:"fmt"`
		Period string `json:"period"`
		ID     int64  `json:"id"`
		N      int    `json:"n"`
		Mode   string `json:"mode"`
	}
	err := DecodeStrictly(value, &raw)
	a := Answer{IDs: allocator.Range{First: raw.ID, N: raw.N}, Weak: raw.Mode == "weak", Periods: raw.Period != ""}
	var p allocator.Period
	greatest := int64(math.MaxInt64)
	if err == nil && a.Periods {
		p, err = allocator.ParsePeriodDate(raw.Period)
		greatest = allocator.MaxPeriodID
	}
	switch {
	case err != nil:
		return Answer{}, fmt.Errorf("%w: the answer %.200q: %v", allocator.ErrUnreadable, value, err)
	case raw.Fmt != answerFormat:
		return Answer{}, fmt.Errorf("%w: the answer has format %d, this version knows %d", allocator.ErrUnreadable, raw.Fmt, answerFormat)
	case raw.ID < 1, raw.N < 1, raw.ID > greatest-int64(raw.N-1), raw.Mode != "weak" && raw.Mode != "strong":
		return Answer{}, fmt.Errorf("%w: the answer %.200q: id and n must be a range of ids, and mode strong or weak", allocator.ErrUnreadable, value)
	}
	a.IDs.First = p.Mark(raw.ID)
	return a, nil
}
