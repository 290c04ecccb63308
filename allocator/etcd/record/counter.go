package record

import (
	"fmt"
	"strconv"

	"github.com/seqd-io/seqd/allocator"
)

// counterFormat is raised when older workers must not touch a record any more.
const counterFormat = 1

// Counter is a counter as etcd keeps it.
type Counter struct {
	Last int64  // every id up to here is spent or reserved
	By   string // the writer
}

// Encode returns the record as etcd keeps it.
func (r Counter) Encode() string {
	b := make([]byte, 0, 64)
	b = append(b, `{"fmt":`...)
	b = strconv.AppendInt(b, counterFormat, 10)
	b = append(b, `,"last":`...)
	b = strconv.AppendInt(b, r.Last, 10)
	b = append(b, `,"by":`...)
	b = strconv.AppendQuote(b, r.By)
	return string(append(b, '}'))
}

// DecodeCounter reads a record, and refuses what a newer version may have
// written: it could mean something that our next write would destroy.
func DecodeCounter(value []byte) (Counter, error) {
	var raw struct {
		Fmt  int    `json:"fmt"`
		Last *int64 `json:"last"`
		By   string `json:"by"`
	}
	err := DecodeStrictly(value, &raw)
	switch {
	case err != nil:
		return Counter{}, fmt.Errorf("%w: %.100q: %v", allocator.ErrUnreadable, value, err)
	case raw.Fmt != counterFormat:
		return Counter{}, fmt.Errorf("%w: format %d, this version knows %d", allocator.ErrUnreadable, raw.Fmt, counterFormat)
	case raw.Last == nil || *raw.Last < 0:
		return Counter{}, fmt.Errorf("%w: %.100q: last must be 0 or more", allocator.ErrUnreadable, value)
	}
	return Counter{Last: *raw.Last, By: raw.By}, nil
}
