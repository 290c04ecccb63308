package subjects

import (
	"fmt"
	"time"
)

// Code names what went wrong, on the wire, in logs and in metrics.
type Code string

// The codes of the contract.
const (
	BadRequest  Code = "BAD_REQUEST" // subject, body, field or header is malformed or not allowed for this store
	Fenced      Code = "FENCED"      // etcd's history went backwards; an operator must act
	Busy        Code = "BUSY"        // this worker's bounded queue is full
	Internal    Code = "INTERNAL"    // a fault in seqd
	Unavailable Code = "UNAVAILABLE" // etcd can't be reached or refuses writes
	Expired     Code = "EXPIRED"     // the request outlived Seq-Timeout-Ms
	Exhausted   Code = "EXHAUSTED"   // the key has no ids left
)

// Number returns the code's number on the wire, as HTTP would choose it, and
// 500 for a code this version does not know.
func (c Code) Number() int {
	switch c {
	case BadRequest:
		return 400
	case Fenced:
		return 409
	case Busy:
		return 429
	case Unavailable:
		return 503
	case Expired:
		return 504
	case Exhausted:
		return 507
	default:
		return 500
	}
}

// codeOf is the way back from a number, for answers without a readable body.
func codeOf(number int) Code {
	for _, c := range []Code{BadRequest, Fenced, Busy, Unavailable, Expired, Exhausted} {
		if c.Number() == number {
			return c
		}
	}
	return Internal
}

// Retryable reports whether the same request may succeed later without anybody doing
// something about it.
func (c Code) Retryable() bool { return c == Busy || c == Unavailable }

// Error is an error reply: the worker sends it, a client gets it back. Use
// errors.Is with the sentinels below to compare codes.
type Error struct {
	Code Code
	Text string // for people; never a foreign error's text

	// RetryAfter is how long to wait before trying again. It is rounded to
	// milliseconds on the wire. 0 means that trying again does not help by itself.
	RetryAfter time.Duration
}

// One sentinel for each code: errors.Is(err, ErrBusy) holds for every *Error
// with that code, on either side of the network.
var (
	ErrBadRequest  = &Error{Code: BadRequest, Text: "the request is malformed"}
	ErrFenced      = &Error{Code: Fenced, Text: "etcd's history went backwards"}
	ErrBusy        = &Error{Code: Busy, Text: "the worker's queue is full"}
	ErrInternal    = &Error{Code: Internal, Text: "a fault in seqd"}
	ErrUnavailable = &Error{Code: Unavailable, Text: "etcd can't be reached or refuses writes"}
	ErrExpired     = &Error{Code: Expired, Text: "the request outlived its timeout"}
	ErrExhausted   = &Error{Code: Exhausted, Text: "the key has no ids left"}
)

// Error returns "CODE: text", as it stands in the Nats-Service-Error header.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Text }

// Is reports whether target is an *Error with the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// orNil returns e as an error that is nil where e is: an error that holds a nil
// *Error would not be.
func (e *Error) orNil() error {
	if e == nil {
		return nil
	}
	return e
}

func badRequest(format string, args ...any) *Error {
	return &Error{Code: BadRequest, Text: fmt.Sprintf(format, args...)}
}
