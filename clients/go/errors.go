package seqd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// Error is an error a worker answered with, or would have: arguments that are
// wrong come back as one before anything is sent. errors.AsType gives its Code, its
// Text and how long the worker asked to wait.
type Error = subjects.Error

// What the last attempt of a call came to, for use with errors.Is.
var (
	ErrBadRequest  = subjects.ErrBadRequest  // an argument is malformed or not allowed for this store
	ErrFenced      = subjects.ErrFenced      // etcd's history went backwards; an operator must act
	ErrBusy        = subjects.ErrBusy        // the worker's queue was full
	ErrInternal    = subjects.ErrInternal    // a fault in seqd
	ErrUnavailable = subjects.ErrUnavailable // the worker could not reach etcd, or etcd refused to write
	ErrExpired     = subjects.ErrExpired     // the request was older than the attempt's timeout when a worker got to it
	ErrExhausted   = subjects.ErrExhausted   // the key has no ids left

	// ErrNoWorkers is returned when no worker of the store listens: none runs, or
	// those that do can't serve now, as while etcd is away. The attempt reached
	// nobody.
	ErrNoWorkers = fmt.Errorf("no worker of the store serves now: %w", nats.ErrNoResponders)
)

// Outcomes of an attempt that a caller meets in texts only.
var (
	errNoAnswer     = errors.New("no answer")
	errStranger     = errors.New("an answer to another request came back")
	errNotConnected = errors.New("not connected to NATS")
)

// failure is how a call ended without ids.
type failure struct {
	attempts int
	took     time.Duration
	last     error         // what the last attempt that ran its course came to; nil: there was none
	ended    error         // why there was no other attempt; nil: none could help
	wait     time.Duration // what the next attempt should have waited, where that ended the call
	gap      bool          // an attempt may have spent ids
}

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
	if f.gap {
		b.WriteString("; ids may have been spent, which leaves a gap")
	}
	return b.String()
}

func (f failure) Unwrap() (errs []error) {
	for _, err := range []error{f.last, f.ended} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

func badRequest(format string, args ...any) error {
	return &Error{Code: subjects.BadRequest, Text: fmt.Sprintf(format, args...)}
}

// explain says for which key a call failed and, in hint, what to try.
func explain(store, key string, err error, hint string) error {
	if hint != "" {
		hint = "; " + hint
	}
	return fmt.Errorf("seqd: next: store %.80q key %.80q: %w%s", store, key, err, hint)
}

// hint says what to try after err, if anything.
func (t *target) hint(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return ""
	case errors.Is(err, ErrNoWorkers):
		return fmt.Sprintf("start a worker that serves this store, or check the store's name, the root %q and the NATS account; if workers run, seqd doctor says why they don't serve", t.settings.root)
	case errors.Is(err, nats.ErrConnectionClosed):
		return "connect again, with seqd.ConnectOptions to stay connected"
	case errors.Is(err, errNotConnected):
		return "check that the NATS server runs and can be reached"
	case errors.Is(err, errStranger):
		return fmt.Sprintf("check that no stream and no other service listens on %q", t.subject)
	case errors.Is(err, errNoAnswer):
		// A request the server refused to pass on looks the same as a lost one.
		if err := t.client.nc.LastError(); errors.Is(err, nats.ErrPermissionViolation) {
			return "the server refused something on this connection: " + err.Error()
		}
		return "check the workers, for example with: nats micro stats seqd"
	}
	return ""
}
