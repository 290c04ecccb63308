package seqd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/seqd-io/seqd/subjects"
)

// Waits between attempts, before the random part.
const (
	firstWait = 10 * time.Millisecond
	maxWait   = 16 * firstWait
)

// retry calls ask until it succeeds, fails for good or the call's time is up.
// Each attempt's context has a deadline. The error is a failure.
func retry[A any](ctx context.Context, s *settings, ask func(context.Context) (A, error)) (A, error) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	deadline, _ := ctx.Deadline()

	var none A
	f := failure{repeatable: s.repeatable}
	var noWorkersSince time.Time // zero: the last attempt met a worker, or nothing
	for ctx.Err() == nil {
		f.attempts++
		answer, err := attempt(ctx, s.attemptTimeout, ask)
		if err == nil {
			return answer, nil
		}
		now := time.Now()
		f.took, f.gap = now.Sub(start), f.gap || mayHaveSpent(err)
		if f.last == nil || ctx.Err() == nil || err != ErrTimeout {
			f.last = err // an attempt cut short by the call's end tells less than the one before
			if f.gap && errors.Is(err, ErrNotConnected) {
				f.last = lost(err)
			}
		}
		if !retryable(err) {
			return none, f
		}
		if ctx.Err() != nil {
			break
		}

		wait := waitAfter(f.attempts, err, rand.Float64())
		if !errors.Is(err, ErrNoWorkers) {
			noWorkersSince = time.Time{}
		} else {
			if noWorkersSince.IsZero() {
				noWorkersSince = now
			}
			if now.Add(wait).Sub(noWorkersSince) > s.patience {
				return none, f
			}
		}
		if !now.Add(wait).Before(deadline) {
			// To wait for the deadline and then say so would help nobody.
			f.wait, f.ended = wait, context.DeadlineExceeded
			return none, f
		}
		sleep(ctx, wait)
	}
	f.took, f.ended = time.Since(start), ending(ctx)
	return none, f
}

// ending says why ctx ended, with the cause if there is one.
func ending(ctx context.Context) error {
	err := ctx.Err()
	if cause := context.Cause(ctx); cause != err {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// attempt calls ask once and gives it at most timeout.
func attempt[A any](ctx context.Context, timeout time.Duration, ask func(context.Context) (A, error)) (A, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := ask(ctx)
	return answer, outcomeOf(err)
}

// waitAfter returns how long to wait after the attempt with that number, the first
// being 1, failed with err. r is a random number in [0, 1): without it, callers
// that were turned away together would come back together.
func waitAfter(attempts int, err error, r float64) time.Duration {
	d := min(firstWait<<min(attempts-1, 16), maxWait)
	if e, ok := errors.AsType[*subjects.Error](err); ok {
		d = max(d, e.RetryAfter)
	}
	return d + time.Duration(r*float64(d)/2)
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
