// Package backoff spaces attempts, and waits as long as its context lasts.
package backoff

import (
	"context"
	"time"
)

// Backoff is the waits between attempts. The zero value is ready.
type Backoff struct{ wait time.Duration }

const (
	minWait = 10 * time.Millisecond
	maxWait = 500 * time.Millisecond
)

// Next returns half to all of a time that doubles. jitter returns from 0 to below
// its argument.
func (b *Backoff) Next(jitter func(time.Duration) time.Duration) time.Duration {
	b.wait = min(max(2*b.wait, minWait), maxWait)
	return b.wait/2 + jitter(b.wait/2)
}

// Wait waits for Next's time; it is false if ctx ends before that.
func (b *Backoff) Wait(ctx context.Context, jitter func(time.Duration) time.Duration) bool {
	return Sleep(ctx, b.Next(jitter))
}

// Sleep waits for d; it is false if ctx ends before that.
func Sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
