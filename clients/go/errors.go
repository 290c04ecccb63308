package seqd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// What the last attempt of a call came to, for use with errors.Is. The first seven
// are answers of a worker. Arguments that are wrong are an ErrBadRequest, too, before
// anything is sent.
var (
	ErrBadRequest  = subjects.ErrBadRequest  // an argument is malformed or not allowed for this store
	ErrFenced      = subjects.ErrFenced      // etcd's history went backwards; an operator must act
	ErrBusy        = subjects.ErrBusy        // the worker's queue was full
	ErrInternal    = subjects.ErrInternal    // a fault in seqd
	ErrUnavailable = subjects.ErrUnavailable // the worker could not reach etcd, or etcd refused to write
	ErrExpired     = subjects.ErrExpired     // the request was older than the attempt's timeout when a worker got to it
	ErrExhausted   = subjects.ErrExhausted   // the key has no ids left

	// ErrNoWorkers is returned when no worker that serves the store listens. Either
	// there is none, or the workers can't serve now and have left the queue group. The
	// attempt reached nobody. It is nats.ErrNoResponders, too.
	ErrNoWorkers error = &outcome{code: noWorkers, text: "no worker of the store serves now", cause: nats.ErrNoResponders}
	// ErrTimeout is returned when no answer came.
	ErrTimeout error = &outcome{code: timeout, text: "no answer", spent: true}
	// ErrNotConnected is returned when there was no connection to send a request on. A
	// call that may have been served before that is ErrTimeout, too, and its code TIMEOUT.
	ErrNotConnected error = &outcome{code: notConnected, text: "not connected to NATS"}
	// ErrClosed is returned when the sequence has been closed, or the connection: then
	// it is nats.ErrConnectionClosed, too.
	ErrClosed error = &outcome{code: closed, text: "closed", spent: true}
)

// The codes that no worker says. All clients have them.
const (
	noWorkers    = "NO_WORKERS"
	timeout      = "TIMEOUT"
	notConnected = "NOT_CONNECTED"
	closed       = "CLOSED"
)

// Outcomes that have no name of their own in front of a caller.
var (
	errStranger       = &outcome{code: timeout, text: "an answer to another request came back", spent: true}
	errWasClosed      = &outcome{code: closed, text: "the connection is closed", cause: nats.ErrConnectionClosed}
	errSequenceClosed = &outcome{code: closed, text: "the sequence is closed"}
)

// outcome is what an attempt came to that brought neither ids nor a worker's error.
type outcome struct {
	code  string
	text  string
	cause error // nats.go's; nil: none
	spent bool  // ids may have been spent
}

func (o *outcome) Error() string {
	if o.cause != nil {
		return o.text + ": " + o.cause.Error()
	}
	return o.text
}

func (o *outcome) Unwrap() error { return o.cause }

// Is reports whether target is an outcome with the same code.
func (o *outcome) Is(target error) bool {
	t, ok := target.(*outcome)
	return ok && t.code == o.code
}

// outcomeOf returns what an attempt came to that ended with err. Errors of the
// connection that are not known count as no answer: they may pass.
func outcomeOf(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*subjects.Error](err); ok {
		return err
	}
	if _, ok := errors.AsType[*outcome](err); ok {
		return err
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return ErrTimeout // whose time was up, retry finds out
	case errors.Is(err, nats.ErrNoResponders):
		return ErrNoWorkers
	case errors.Is(err, nats.ErrConnectionClosed):
		return &outcome{code: closed, text: "the connection was closed", cause: err, spent: true}
	case errors.Is(err, nats.ErrConnectionDraining):
		return &outcome{code: closed, text: "the connection is being closed", cause: err}
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		return &outcome{code: notConnected, text: "not connected to NATS", cause: err}
	case errors.Is(err, nats.ErrHeadersNotSupported):
		return &outcome{code: notConnected, text: "the NATS server can't be used", cause: err}
	}
	return &outcome{code: timeout, text: "no answer", cause: err, spent: true}
}

// lost returns what a call came to that found no connection, which err says, after a
// request of it may have been served: the connection was not down all the time.
func lost(err error) error {
	return &outcome{code: timeout, text: "the connection to NATS was lost", cause: err, spent: true}
}

// retryable reports whether another attempt may succeed after one that came to err.
func retryable(err error) bool {
	if e, ok := errors.AsType[*subjects.Error](err); ok {
		return e.Code.Retryable() || e.Code == subjects.Expired
	}
	return !errors.Is(err, ErrClosed) && !errors.Is(err, nats.ErrHeadersNotSupported)
}

// mayHaveSpent reports whether an attempt that came to err may have spent ids all
// the same.
func mayHaveSpent(err error) bool {
	if o, ok := errors.AsType[*outcome](err); ok {
		return o.spent
	}
	for _, refused := range []error{ErrBadRequest, ErrFenced, ErrBusy, ErrExhausted} {
		if errors.Is(err, refused) {
			return false
		}
	}
	return true
}

// Error is how a call ended without ids. Every error that a call returns is one:
// errors.AsType finds it. A worker's own words, and how long it asked to wait, are
// in the [subjects.Error] that it wraps.
type Error struct {
	store, key string
	failure
	hint string // what to try; "": nothing
}

// failure is what the attempts of a call came to.
type failure struct {
	attempts   int
	took       time.Duration
	last       error         // what the last attempt that ran its course came to; nil: there was none
	ended      error         // why there was no other attempt; nil: none could help
	wait       time.Duration // what the next attempt should have waited, where that ended the call
	gap        bool          // an attempt may have spent ids
	repeatable bool          // the call has an idempotency key
}

// Code returns what the last attempt that was not cut short came to, in one word: a
// worker's code such as "BUSY", or "NO_WORKERS", "TIMEOUT", "NOT_CONNECTED",
// "CLOSED". A call whose context ended before anything was sent has "TIMEOUT".
func (e *Error) Code() string {
	if answer, ok := errors.AsType[*subjects.Error](e); ok {
		return string(answer.Code)
	}
	if o, ok := errors.AsType[*outcome](e); ok {
		return o.code
	}
	return timeout
}

// IDsMayBeSpent reports whether a request of the call may have been served although
// the call failed. Its ids are then a gap. Nobody gets them, except for another call
// with the same idempotency key, see [WithIdempotencyKey].
func (e *Error) IDsMayBeSpent() bool { return e.gap }

// Error says for which key the call failed, why and, where that helps, what to try.
func (e *Error) Error() string {
	s := fmt.Sprintf("seqd: next: store %.80q key %.80q: %v", e.store, e.key, e.failure)
	if e.hint != "" {
		s += "; " + e.hint
	}
	return s
}

// Unwrap returns what the last attempt came to and why there was no other one.
func (e *Error) Unwrap() []error { return e.failure.Unwrap() }

func (f failure) Error() string {
	var b strings.Builder
	switch {
	case f.last == nil:
		fmt.Fprintf(&b, "nothing was sent: %v", f.ended)
	case f.ended == nil:
		b.WriteString(f.last.Error())
	default:
		fmt.Fprintf(&b, "%v: gave up after %v (attempts: %d", f.last, f.took.Round(time.Millisecond), f.attempts)
		if f.wait > 0 {
			fmt.Fprintf(&b, ", the next one due in %v", f.wait.Round(time.Millisecond))
		}
		fmt.Fprintf(&b, "): %v", f.ended)
	}
	switch {
	case f.gap && f.repeatable:
		b.WriteString("; ids may have been spent, and a call with the same idempotency key gets them")
	case f.gap:
		b.WriteString("; ids may have been spent, which leaves a gap")
	}
	return b.String()
}

func (f failure) Unwrap() (errs []error) {
	for _, err := range []error{cmp.Or(f.last, ErrTimeout), f.ended} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

func badRequest(format string, args ...any) error {
	return &subjects.Error{Code: subjects.BadRequest, Text: fmt.Sprintf(format, args...)}
}

func internal(format string, args ...any) error {
	return &subjects.Error{Code: subjects.Internal, Text: fmt.Sprintf(format, args...)}
}

// explain returns the error of a call for that key. err is a failure, or why
// nothing was sent.
func explain(store, key string, err error, hint string) error {
	f, ok := err.(failure)
	if !ok {
		f.last = err
	}
	return &Error{store: store, key: key, failure: f, hint: hint}
}

// hint says what to try after err, if anything.
func (t *target) hint(err error) string {
	o, ok := errors.AsType[*outcome](err)
	switch {
	case !ok, errors.Is(err, context.Canceled), o == errSequenceClosed:
		return ""
	case errors.Is(err, ErrNotConnected):
		return "check that the NATS server runs and can be reached"
	case o == errStranger:
		return fmt.Sprintf("check that no stream and no other service listens on %q", t.subject)
	}
	switch o.code {
	case noWorkers:
		return fmt.Sprintf("workers that can't serve leave the queue group, and seqd doctor says why; where there is none, start a worker that serves this store, under the root %q in this NATS account", t.settings.root)
	case closed:
		return "connect again, with seqd.ConnectOptions to stay connected"
	}
	// A request the server refused to pass on looks the same as a lost one.
	if err := t.client.nc.LastError(); errors.Is(err, nats.ErrPermissionViolation) {
		return "the server refused something on this connection: " + err.Error()
	}
	return "check the workers, for example with: nats micro stats seqd"
}
