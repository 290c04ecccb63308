package worker

import (
	"cmp"
	"errors"
)

// What [Config.Advise] is asked about beside errors of the Counters. The worker
// says by itself what it needs of NATS: permissions, and limits of nats-server.

// NATSError is the reason for which the connection to NATS could not be made, or has
// ended.
type NATSError struct{ Err error }

func (e *NATSError) Error() string { return e.Err.Error() }
func (e *NATSError) Unwrap() error { return e.Err }

var (
	// ErrNoNATS says that no connection to NATS came about although it had time to
	// come up, and that there is no advice about the cause.
	ErrNoNATS = errors.New("worker: NATS does not come up")

	// ErrFencedRequest says that a request was answered FENCED, either for its key
	// alone or for all keys.
	ErrFencedRequest = errors.New("worker: a request met a fence")
)

// counterHint says what to try about a Counter that can't be written to. advice
// is what Config.Advise says of that.
func counterHint(state State, advice string) string {
	if state != Fenced {
		return "trying again; " + cmp.Or(advice, "look at etcd: reachable? quota and alarms? this user's permissions?")
	}
	const hint = "nothing is issued until an operator has acted; the worker then comes back by itself"
	if advice != "" {
		return advice + "; " + hint
	}
	return hint
}
