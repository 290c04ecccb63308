package bench

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// failures are the requests that got no ids, by code. nil is none.
type failures map[string]failure

type failure struct {
	count int64
	text  string // of the first one
}

// Codes of failures that have none on seqd's wire.
const (
	codeTimeout      = "TIMEOUT"       // no answer came in time
	codeNoResponders = "NO_RESPONDERS" // nobody is subscribed
	codeDisconnected = "DISCONNECTED"  // the connection to NATS is closed
	codeAlien        = "ALIEN"         // the answer is not what was asked for
	codeOther        = "OTHER"
)

func codeOf(err error) string {
	var e *subjects.Error
	switch {
	case errors.As(err, &e):
		return string(e.Code)
	case errors.Is(err, nats.ErrNoResponders):
		return codeNoResponders
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return codeTimeout
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrDisconnected):
		return codeDisconnected
	case errors.Is(err, errAlien):
		return codeAlien
	default:
		return codeOther
	}
}

func (f failures) note(err error) {
	code := codeOf(err)
	failed, ok := f[code]
	if !ok {
		failed.text = err.Error()
	}
	failed.count++
	f[code] = failed
}

// plus returns what f and g hold together; either may change.
func (f failures) plus(g failures) failures {
	if f == nil {
		return g
	}
	for code, more := range g {
		failed, ok := f[code]
		if !ok {
			failed.text = more.text
		}
		failed.count += more.count
		f[code] = failed
	}
	return f
}

func (f failures) codes() []string { return slices.Sorted(maps.Keys(f)) }

// counts is for reports: never nil.
func (f failures) counts() map[string]int64 {
	counts := map[string]int64{}
	for code, failed := range f {
		counts[code] = failed.count
	}
	return counts
}

// minWait keeps callers that are turned away at once from filling the slice
// with nothing else.
const minWait = 10 * time.Millisecond

// waitAfter is how long a caller waits after err.
func waitAfter(err error) time.Duration {
	var e *subjects.Error
	if errors.As(err, &e) {
		return max(e.RetryAfter, minWait)
	}
	return minWait
}
