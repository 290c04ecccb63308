package etcd

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/history"
	"github.com/seqd-io/seqd/internal/histogram"
)

// Outcome is how a transaction or a probe ended.
type Outcome uint8

// The outcomes.
const (
	OK            Outcome = iota // etcd answered, and the answer was used
	NoSpace                      // etcd's quota is reached: it takes no writes
	Denied                       // this user may not, or is not logged in
	Timeout                      // no answer in time; so too while there is no connection
	Unreachable                  // the connection broke, or there is no leader
	FencedOff                    // etcd's history went backwards, or has not been read yet
	OtherError                   // anything else
	OutcomesCount                // how many there are
)

// String returns the outcome as metrics name it.
func (o Outcome) String() string {
	return [OutcomesCount]string{"ok", "no_space", "denied", "timeout", "unreachable", "fenced", "error"}[o]
}

// SwapOutcome is what became of an attempt to advance one counter.
type SwapOutcome uint8

// The outcomes of swaps.
const (
	SwapWon       SwapOutcome = iota // the counter is advanced
	SwapLost                         // somebody else had advanced it, or its record was not known
	SwapAmbiguous                    // perhaps advanced: no usable answer came
	SwapRefused                      // not sent: it would have been too late, or the counter is fenced or closed; or etcd has refused it and done nothing
	SwapEnded                        // not sent: nobody waited any more
	SwapOutcomes                     // how many there are
)

// String returns the outcome as metrics name it.
func (o SwapOutcome) String() string {
	return [SwapOutcomes]string{"won", "lost", "ambiguous", "refused", "ended"}[o]
}

// Stats are what a Counter has counted since it was made, and its present state.
type Stats struct {
	Transactions [OutcomesCount]int64 // that advance counters
	Duration     histogram.Snapshot   // of those that were answered, in seconds
	Sizes        histogram.Snapshot   // swaps in a transaction
	Swaps        [SwapOutcomes]int64
	Due          int                  // swaps that wait to be sent
	Flying       int                  // transactions under way
	Probes       [OutcomesCount]int64 // calls of Ready
}

// Stats returns the Counter's statistics. It is safe for concurrent use.
func (c *Counter) Stats() Stats {
	s := &c.txns.stats
	out := Stats{Duration: s.duration.Snapshot(), Sizes: s.sizes.Snapshot()}
	for i := range out.Transactions {
		out.Transactions[i], out.Probes[i] = s.transactions[i].Load(), s.probes[i].Load()
	}
	for i := range out.Swaps {
		out.Swaps[i] = s.swaps[i].Load()
	}
	c.txns.mu.Lock()
	out.Due, out.Flying = c.txns.due.len, c.txns.flying
	c.txns.mu.Unlock()
	return out
}

// stats are a Counter's counters. The zero value is ready.
type stats struct {
	transactions [OutcomesCount]atomic.Int64
	duration     histogram.Durations
	sizes        histogram.Sizes
	swaps        [SwapOutcomes]atomic.Int64
	probes       [OutcomesCount]atomic.Int64
}

func (s *stats) sent(took time.Duration, err error) {
	s.transactions[outcomeOfErr(err)].Add(1)
	if err == nil {
		s.duration.Observe(took)
	}
}

func (s *stats) swapped(out outcome) {
	o := SwapAmbiguous
	switch {
	case out.err == nil && out.Won:
		o = SwapWon
	case out.err == nil:
		o = SwapLost
	case errors.Is(out.err, errEnded):
		o = SwapEnded
	case !perhapsApplied(out.err):
		o = SwapRefused
	}
	s.swaps[o].Add(1)
}

// perhapsApplied reports whether a swap that ended with err may have been won.
func perhapsApplied(err error) bool {
	return !refused(err) && !errors.Is(err, errEnded) && !errors.Is(err, errClosed) && !errors.Is(err, history.ErrUnread) &&
		!errors.Is(err, allocator.ErrBusy) && !errors.Is(err, allocator.ErrFenced)
}

func outcomeOfErr(err error) Outcome {
	switch {
	case err == nil:
		return OK
	case errors.Is(err, allocator.ErrFenced), errors.Is(err, history.ErrUnread):
		return FencedOff
	case errors.Is(err, rpctypes.ErrNoSpace):
		return NoSpace
	case errors.Is(err, rpctypes.ErrUserEmpty), errors.Is(err, rpctypes.ErrAuthFailed):
		return Denied
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, rpctypes.ErrTimeout):
		return Timeout
	}
	// The client makes an EtcdError of some gRPC statuses, and leaves others.
	code := status.Code(err)
	if answer, ok := errors.AsType[rpctypes.EtcdError](err); ok {
		code = answer.Code()
	}
	switch code {
	case codes.PermissionDenied, codes.Unauthenticated:
		return Denied
	case codes.DeadlineExceeded:
		return Timeout
	case codes.Unavailable:
		return Unreachable
	}
	return OtherError
}

func (c *Counter) skipped(key allocator.Key, n int, why allocator.Gap) {
	if c.hooks.Observer != nil {
		c.hooks.Observer.Skipped(key.Store, n, why)
	}
}
