package etcd

import (
	"fmt"
	"strconv"

	"github.com/seqd-io/seqd/allocator"
)

// DefaultPrefix is where records are kept unless configured otherwise.
const DefaultPrefix = "/seqd"

// countersPath follows the prefix. A store's name holds no slash, so that store
// and key can't run into each other although a key may hold slashes.
const countersPath = "/v1/counters/"

// probePath is never written: see [Counter.Ready].
const probePath = "/v1/probe"

// recordFormat is raised when older workers must not touch a record any more.
const recordFormat = 1

// record is a counter as etcd keeps it.
type record struct {
	last int64  // every id up to here is spent or reserved
	by   string // the writer
}

func (r record) encode() string {
	b := make([]byte, 0, 64)
	b = append(b, `{"fmt":`...)
	b = strconv.AppendInt(b, recordFormat, 10)
	b = append(b, `,"last":`...)
	b = strconv.AppendInt(b, r.last, 10)
	b = append(b, `,"by":`...)
	b = strconv.AppendQuote(b, r.by)
	return string(append(b, '}'))
}

// decodeRecord reads a record, and refuses what a newer version may have
// written: it could mean something that our next write would destroy.
func decodeRecord(value []byte) (record, error) {
	var raw struct {
		Fmt  int    `json:"fmt"`
		Last *int64 `json:"last"`
		By   string `json:"by"`
	}
	err := decodeStrictly(value, &raw)
	switch {
	case err != nil:
		return record{}, fmt.Errorf("%w: %.100q: %v", allocator.ErrUnreadable, value, err)
	case raw.Fmt != recordFormat:
		return record{}, fmt.Errorf("%w: format %d, this version knows %d", allocator.ErrUnreadable, raw.Fmt, recordFormat)
	case raw.Last == nil || *raw.Last < 0:
		return record{}, fmt.Errorf("%w: %.100q: last must be 0 or more", allocator.ErrUnreadable, value)
	}
	return record{last: *raw.Last, by: raw.By}, nil
}
