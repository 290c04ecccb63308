package subjects

import (
	"strconv"
	"strings"
	"time"
)

// Request headers. A worker reads their names in any case, as libraries change
// it. A header wins over the body's field of the same meaning.
const (
	CountHeader       = "Seq-Count"       // how many ids, decimal
	ModeHeader        = "Seq-Mode"        // "strong" or "weak"
	TimeoutHeader     = "Seq-Timeout-Ms"  // how long the caller waits, in milliseconds counted from arrival
	AcceptHeader      = "Accept"          // the reply's format, as a media type
	IdempotencyHeader = "Idempotency-Key" // requests with the same one get the same ids
)

// requestHeaders are those that a worker reads, in the order of headerValues.
var requestHeaders = [...]string{AcceptHeader, CountHeader, ModeHeader, TimeoutHeader, IdempotencyHeader}

// strangeHeaders begin as ours and are no request's: those of stamped messages and
// of answers. They come along where somebody forwards a message's headers. Any other
// that begins with "Seq-" is refused: its sender believes that it says something.
var strangeHeaders = [...]string{"Seq-Id", "Seq-Number", "Seq-Period", "Seq-Store", "Seq-Key", "Seq-Stamper", "Seq-Source-Time", ReplayedHeader}

// headerValues are the values of requestHeaders; nil where there is none.
type headerValues [len(requestHeaders)][]string

// of takes the headers that a worker reads out of a message's. The error is about
// the first of those, by name, that are nearly right or stand twice.
func (v *headerValues) of(header map[string][]string) *Error {
	var wrong string
	var what *Error
	for name, values := range header {
		err := v.add(name, values)
		if err != nil && (wrong == "" || name < wrong) {
			wrong, what = name, err
		}
	}
	return what
}

func (v *headerValues) add(name string, values []string) *Error {
	if len(values) == 0 {
		return nil
	}
	i := indexOf(name)
	if i < 0 {
		if mayBeOurs(name) {
			return nearHeader(name)
		}
		return nil
	}
	for _, other := range values {
		if other != values[0] || v[i] != nil && other != v[i][0] { // which of them counts would be a guess
			return badRequest("header %s stands twice, with different values", requestHeaders[i])
		}
	}
	v[i] = values
	return nil
}

// indexOf returns which of requestHeaders name is, in any case, or -1.
func indexOf(name string) int {
	switch name { // as most write it: a tenth of the time
	case AcceptHeader:
		return 0
	case CountHeader:
		return 1
	case ModeHeader:
		return 2
	case TimeoutHeader:
		return 3
	case IdempotencyHeader:
		return 4
	}
	for i, known := range requestHeaders {
		if len(name) == len(known) && strings.EqualFold(name, known) {
			return i
		}
	}
	return -1
}

// mayBeOurs is quick to tell most headers from those that a worker has to look at.
func mayBeOurs(name string) bool {
	if len(name) < len("Seq-") {
		return false
	}
	switch name[0] | 0x20 {
	case 'a', 'i', 's', 'x':
		return true
	}
	return false
}

// nearHeader returns an error if name is nearly a header that a worker reads.
func nearHeader(name string) *Error {
	var buf plainName
	near := ""
	switch strings.TrimPrefix(string(buf.of(name)), "x") {
	case "seqcount":
		near = CountHeader
	case "seqmode":
		near = ModeHeader
	case "seqtimeoutms":
		near = TimeoutHeader
	case "idempotencykey":
		near = IdempotencyHeader
	}
	if near != "" {
		return badRequest("header %.40q must be written %s", name, near)
	}
	if !strings.EqualFold(name[:3], "seq") || name[3] != '-' && name[3] != '_' {
		return nil
	}
	for _, strange := range strangeHeaders {
		if strings.EqualFold(name, strange) {
			return nil
		}
	}
	return badRequest("header %.40q is not known: seqd reads %s, %s, %s, %s and %s", name, AcceptHeader, CountHeader, ModeHeader, TimeoutHeader, IdempotencyHeader)
}

// decodeHeader reads all headers it knows, so that a wrong count does not hide
// the format to answer in.
func (f *fields) decodeHeader(header map[string][]string, r *Request) *Error {
	var values headerValues
	err := values.of(header)
	keep := func(e *Error) {
		if err == nil {
			err = e
		}
	}
	for i, v := range values {
		if v == nil {
			continue
		}
		switch value := v[0]; requestHeaders[i] {
		case AcceptHeader:
			format, e := parseAccept(value, r.Format)
			r.Format = format
			keep(e)
		case CountHeader:
			n, e := parseDecimal(CountHeader, value)
			f.n = n
			keep(e)
		case ModeHeader:
			mode, e := parseMode(value)
			f.mode = mode
			keep(e)
		case TimeoutHeader:
			ms, e := parseDecimal(TimeoutHeader, value)
			r.Timeout = time.Duration(min(ms, int64(maxTimeout/time.Millisecond))) * time.Millisecond
			if e == nil && ms == 0 {
				r.Timeout = 1 // outlived as soon as anybody looks; 0 would mean "no patience named"
			}
			keep(e)
		case IdempotencyHeader:
			keep(f.setHeaderKey(value))
		}
	}
	return err
}

// maxTimeout keeps a hostile patience from overflowing a time.
const maxTimeout = 24 * time.Hour

// parseDecimal reads plain digits: no sign, no space.
func parseDecimal(name, s string) (int64, *Error) {
	u, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, badRequest("%s must be a whole number, not %.40q", name, s)
	}
	return int64(u), nil
}
