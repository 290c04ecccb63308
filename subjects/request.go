package subjects

import (
	"math"
	"strings"
	"time"
)

// MaxN bounds the ids of one request whatever a store allows: a reply writes
// their number in 32 bits, and it must fit an int.
const MaxN = min(1<<32-1, math.MaxInt)

// MaxIdempotencyKeyLen bounds an idempotency key, in bytes.
const MaxIdempotencyKeyLen = 64

// Mode is how ids are to be ordered.
type Mode uint8

const (
	DefaultMode Mode = iota // the store's choice
	Weak                    // unique, increasing in trend
	Strong                  // unique, strictly increasing over all workers
)

// ParseMode reads "weak" or "strong". The error is an [ErrBadRequest].
func ParseMode(s string) (Mode, error) {
	m, err := parseMode(s)
	return m, err.orNil()
}

func parseMode(s string) (Mode, *Error) {
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

// Request is what a caller asks for.
type Request struct {
	N       int           // how many ids, 1 to MaxN
	Mode    Mode          // DefaultMode: the caller names none
	Format  Format        // of the reply
	Timeout time.Duration // how long the caller waits; 0: the caller does not say
	Nonce   Nonce         // echoed in the reply

	// IdempotencyKey names the request, in 1 to MaxIdempotencyKeyLen bytes. All
	// requests that have the same one get the same ids: they are one request, sent
	// again. "" means none.
	IdempotencyKey string
}

// Decode reads a request's headers and body into r, replacing all of it.
//
// A request does not allocate, unless its body has an idempotency key. The error has [BadRequest]; even then
// r.Format says how to answer, and r.Nonce holds the nonce if one could be read.
func (r *Request) Decode(header map[string][]string, body []byte) *Error {
	*r = Request{N: 1}
	if len(header) == 0 && len(body) == 0 {
		return nil
	}
	f := fields{n: 1}
	var err *Error
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
	if f.key != "" {
		r.IdempotencyKey = f.key
	}
	return nil
}

// fields are a request's values while they are collected: from the body first,
// then from the headers.
type fields struct {
	n     int64
	mode  Mode
	nonce Nonce
	key   string // of idempotency
	seen  field  // of the body
}

// Append writes the request as a body, in msgpack. It writes the fields that differ
// from their defaults, in the order n, mode, nonce, idempotency_key. For a request of
// one id in the store's default mode that is nothing at all. Format and Timeout travel
// as headers.
func (r *Request) Append(dst []byte) []byte {
	count := byte(0)
	for _, set := range []bool{r.N > 1, r.Mode != DefaultMode, r.Nonce.IsSet(), r.IdempotencyKey != ""} {
		if set {
			count++
		}
	}
	if count == 0 {
		return dst
	}
	dst = append(dst, mpFixmap|count)
	if r.N > 1 {
		dst = appendInt(appendStr(dst, countField), int64(r.N))
	}
	if r.Mode != DefaultMode {
		dst = appendStr(appendStr(dst, modeField), r.Mode.String())
	}
	if r.Nonce.IsSet() {
		dst = r.Nonce.append(appendStr(dst, nonceField), Msgpack)
	}
	if r.IdempotencyKey != "" {
		dst = appendStr(appendStr(dst, idempotencyField), r.IdempotencyKey)
	}
	return dst
}
