package record

import (
	"fmt"
	"strconv"

	"github.com/seqd-io/seqd/allocator"
)

// The formats of a record. Versions that don't know the later ones refuse them,
// rather than reserve ids of a key that somebody owns, or of another period.
const (
	freeFormat   = 1
	ownedFormat  = 2
	periodFormat = 3 // owned or not
)

// Counter is a counter as etcd keeps it.
type Counter struct {
	Last  int64  // the mark: every id up to here is spent or reserved
	By    string // the writer
	Owner string // the process that may reserve ids, while its [Session] lasts; "": any

	// Periods says that Last is in a period: its mark and not a plain id.
	Periods bool
}

// Encode returns the record as etcd keeps it.
func (r Counter) Encode() string {
	b := make([]byte, 0, 112)
	format, last := int64(freeFormat), r.Last
	if r.Owner != "" {
		format = ownedFormat
	}
	var period allocator.Period
	if r.Periods {
		format = periodFormat
		period, last = allocator.SplitMark(r.Last)
	}
	b = strconv.AppendInt(append(b, `{"fmt":`...), format, 10)
	if r.Periods {
		b = append(period.AppendDate(append(b, `,"period":"`...)), '"')
	}
	b = strconv.AppendInt(append(b, `,"last":`...), last, 10)
	b = append(b, `,"by":`...)
	b = strconv.AppendQuote(b, r.By)
	if r.Owner != "" {
		b = append(b, `,"owner":`...)
		b = strconv.AppendQuote(b, r.Owner)
	}
	return string(append(b, '}'))
}

// DecodeCounter reads a record, and refuses what a newer version may have
// written: it could mean something that our next write would destroy.
func DecodeCounter(value []byte) (Counter, error) {
	var raw struct {
		Fmt    int    `json:"fmt"`
		Period string `json:"period"`
		Last   *int64 `json:"last"`
		By     string `json:"by"`
		Owner  string `json:"owner"`
	}
	err := DecodeStrictly(value, &raw)
	switch {
	case err != nil:
		return Counter{}, fmt.Errorf("%w: %.100q: %v", allocator.ErrUnreadable, value, err)
	case raw.Fmt < freeFormat || raw.Fmt > periodFormat:
		return Counter{}, fmt.Errorf("%w: format %d, this version knows %d to %d", allocator.ErrUnreadable, raw.Fmt, freeFormat, periodFormat)
	case raw.Fmt == periodFormat:
		return periodCounter(value, raw.Period, raw.Last, raw.By, raw.Owner)
	case raw.Period != "":
		return Counter{}, fmt.Errorf("%w: %.100q: there is a period in format %d, and in no other", allocator.ErrUnreadable, value, periodFormat)
	case (raw.Fmt == ownedFormat) != (raw.Owner != ""):
		return Counter{}, fmt.Errorf("%w: %.100q: there is an owner in format %d, and in no other", allocator.ErrUnreadable, value, ownedFormat)
	case raw.Last == nil || *raw.Last < 0:
		return Counter{}, fmt.Errorf("%w: %.100q: last must be 0 or more", allocator.ErrUnreadable, value)
	}
	return Counter{Last: *raw.Last, By: raw.By, Owner: raw.Owner}, nil
}

func periodCounter(value []byte, date string, last *int64, by, owner string) (Counter, error) {
	p, err := allocator.ParsePeriodDate(date)
	switch {
	case err != nil:
		return Counter{}, fmt.Errorf("%w: %.100q: %v", allocator.ErrUnreadable, value, err)
	case last == nil || *last < 0 || *last > allocator.MaxPeriodID:
		return Counter{}, fmt.Errorf("%w: %.100q: last must be from 0 to %d", allocator.ErrUnreadable, value, int64(allocator.MaxPeriodID))
	}
	return Counter{Last: p.Mark(*last), By: by, Owner: owner, Periods: true}, nil
}
