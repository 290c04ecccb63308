package record

import (
	"fmt"
	"strconv"

	"github.com/seqd-io/seqd/allocator"
)

// The formats of a record. Versions that know the first one only refuse the
// second, rather than reserve ids of a key that somebody owns.
const (
	freeFormat  = 1
	ownedFormat = 2
)

// Counter is a counter as etcd keeps it.
type Counter struct {
	Last  int64  // every id up to here is spent or reserved
	By    string // the writer
	Owner string // the process that may reserve ids, while its [Session] lasts; "": any
}

// Encode returns the record as etcd keeps it.
func (r Counter) Encode() string {
	b := make([]byte, 0, 112)
	b = append(b, `{"fmt":`...)
	if r.Owner == "" {
		b = strconv.AppendInt(b, freeFormat, 10)
	} else {
		b = strconv.AppendInt(b, ownedFormat, 10)
	}
	b = append(b, `,"last":`...)
	b = strconv.AppendInt(b, r.Last, 10)
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
		Fmt   int    `json:"fmt"`
		Last  *int64 `json:"last"`
		By    string `json:"by"`
		Owner string `json:"owner"`
	}
	err := DecodeStrictly(value, &raw)
	switch {
	case err != nil:
		return Counter{}, fmt.Errorf("%w: %.100q: %v", allocator.ErrUnreadable, value, err)
	case raw.Fmt != freeFormat && raw.Fmt != ownedFormat:
		return Counter{}, fmt.Errorf("%w: format %d, this version knows %d and %d", allocator.ErrUnreadable, raw.Fmt, freeFormat, ownedFormat)
	case (raw.Fmt == ownedFormat) != (raw.Owner != ""):
		return Counter{}, fmt.Errorf("%w: %.100q: there is an owner in format %d, and in no other", allocator.ErrUnreadable, value, ownedFormat)
	case raw.Last == nil || *raw.Last < 0:
		return Counter{}, fmt.Errorf("%w: %.100q: last must be 0 or more", allocator.ErrUnreadable, value)
	}
	return Counter{Last: *raw.Last, By: raw.By, Owner: raw.Owner}, nil
}
