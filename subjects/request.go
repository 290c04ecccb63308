package subjects

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Request headers, read exactly as written here. A header wins over the body's
// field of the same meaning.
const (
	CountHeader   = "Seq-Count"      // how many ids, decimal
	ModeHeader    = "Seq-Mode"       // "strong" or "weak"
	TimeoutHeader = "Seq-Timeout-Ms" // the caller's patience in milliseconds, counted from arrival
	AcceptHeader  = "Accept"         // the reply's format, as a media type
)

// MaxN bounds the ids of one request whatever a store allows: a reply writes
// their number in 32 bits, and it must fit an int.
const MaxN = min(1<<32-1, math.MaxInt)

// Mode is how ids are to be ordered.
type Mode uint8

const (
	DefaultMode Mode = iota // the store's choice
	Weak                    // unique, increasing in trend
	Strong                  // unique, strictly increasing over all workers
)

// ParseMode reads "weak" or "strong". The error is an [ErrBadRequest].
func ParseMode(s string) (Mode, error) {
	switch s {
	case "weak":
		return Weak, nil
	case "strong":
		return Strong, nil
	}
	shown := strings.Clone(s[:min(len(s), 20)]) // s itself would have to live on the heap
	return DefaultMode, badRequest("mode must be strong or weak, not %q", shown)
}

func (m Mode) String() string {
	switch m {
	case Weak:
		return "weak"
	case Strong:
		return "strong"
	}
	return "default"
}

// Format is how a reply is written.
type Format uint8

const (
	Msgpack Format = iota
	JSON
	Text
)

// MediaType returns the format's name in an Accept header.
func (f Format) MediaType() string {
	switch f {
	case JSON:
		return "application/json"
	case Text:
		return "text/plain"
	}
	return "application/msgpack"
}

func parseMediaType(s string) (Format, error) {
	for _, f := range []Format{Msgpack, JSON, Text} {
		if s == f.MediaType() {
			return f, nil
		}
	}
	return Msgpack, badRequest("Accept must be application/msgpack, application/json or text/plain, not %.40q", s)
}

// Request is what a caller asks for.
type Request struct {
	N       int           // how many ids, 1 to MaxN
	Mode    Mode          // DefaultMode: the caller names none
	Format  Format        // of the reply
	Timeout time.Duration // the caller's patience; 0: the caller names none
	Nonce   Nonce         // echoed in the reply
}

// Decode reads a request's headers and body into r, replacing all of it.
//
// A plain request does not allocate. The error is an [ErrBadRequest]; even then
// r.Format says how to answer, and r.Nonce holds the nonce if one could be read.
func (r *Request) Decode(header map[string][]string, body []byte) error {
	*r = Request{N: 1}
	if len(header) == 0 && len(body) == 0 {
		return nil
	}
	f := fields{n: 1}
	var err error
	if len(body) > 0 {
		r.Format, err = f.decodeBody(body)
	}
	if len(header) > 0 {
		if herr := f.decodeHeader(header, r); err == nil {
			err = herr
		}
	}
	r.Mode, r.Nonce = f.mode, f.nonce
	if err == nil && (f.n < 1 || f.n > MaxN) {
		err = badRequest("n must be between 1 and %d, not %d", int64(MaxN), f.n)
	}
	if err != nil {
		return err
	}
	r.N = int(f.n)
	return nil
}

// fields are a request's values while they are collected: from the body first,
// then from the headers.
type fields struct {
	n     int64
	mode  Mode
	nonce Nonce
}

// decodeBody returns the format of a body and reads its fields.
func (f *fields) decodeBody(body []byte) (Format, error) {
	switch b := body[0]; {
	case b == '{':
		return JSON, f.decodeJSON(body)
	case isMap(b):
		return Msgpack, f.decodeMsgpack(body)
	}
	return Msgpack, badRequest("body must be empty, a msgpack map or a JSON object (for a count without a body use the %s header)", CountHeader)
}

// decodeHeader reads all headers it knows, so that a wrong count does not hide
// the format to answer in.
func (f *fields) decodeHeader(header map[string][]string, r *Request) (err error) {
	keep := func(e error) {
		if err == nil {
			err = e
		}
	}
	if v, ok := first(header, AcceptHeader); ok {
		format, e := parseMediaType(v)
		if e == nil {
			r.Format = format
		}
		keep(e)
	}
	if v, ok := first(header, CountHeader); ok {
		n, e := parseDecimal(CountHeader, v)
		f.n = n
		keep(e)
	}
	if v, ok := first(header, ModeHeader); ok {
		mode, e := ParseMode(v)
		f.mode = mode
		keep(e)
	}
	if v, ok := first(header, TimeoutHeader); ok {
		ms, e := parseDecimal(TimeoutHeader, v)
		r.Timeout = time.Duration(min(ms, int64(maxTimeout/time.Millisecond))) * time.Millisecond
		if e == nil && ms == 0 {
			r.Timeout = 1 // outlived as soon as anybody looks; 0 would mean "no patience named"
		}
		keep(e)
	}
	return err
}

// maxTimeout keeps a hostile patience from overflowing a time.
const maxTimeout = 24 * time.Hour

func first(header map[string][]string, name string) (string, bool) {
	v := header[name]
	if len(v) == 0 {
		return "", false
	}
	return v[0], true
}

// parseDecimal reads plain digits: no sign, no space.
func parseDecimal(name, s string) (int64, error) {
	u, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, badRequest("%s must be a whole number, not %.40q", name, s)
	}
	return int64(u), nil
}

// Append writes the request as a body, in msgpack, with the fields that differ
// from their defaults in the order n, mode, nonce: nothing at all for a request
// of one id in the store's default mode. Format and Timeout travel as headers.
func (r *Request) Append(dst []byte) []byte {
	count := byte(0)
	for _, set := range []bool{r.N > 1, r.Mode != DefaultMode, r.Nonce.IsSet()} {
		if set {
			count++
		}
	}
	if count == 0 {
		return dst
	}
	dst = append(dst, mpFixmap|count)
	if r.N > 1 {
		dst = appendInt(appendStr(dst, "n"), int64(r.N))
	}
	if r.Mode != DefaultMode {
		dst = appendStr(appendStr(dst, "mode"), r.Mode.String())
	}
	if r.Nonce.IsSet() {
		dst = r.Nonce.append(appendStr(dst, "nonce"), Msgpack)
	}
	return dst
}
