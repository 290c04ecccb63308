// Package backoff spaces attempts.
package backoff

import (
	"context"
	"time"
)

// Backoff is the pauses between attempts. The zero value is ready.
type Backoff struct{ pause time.Duration }

const (
	minPause = 10 * time.Millisecond
	maxPause = 500 * time.Millisecond
)

// Next returns half to all of a time that doubles. jitter returns from 0 to below
// its argument.
func (b *Backoff) Next(jitter func(time.Duration) time.Duration) time.Duration {
	b.pause = min(max(2*b.pause, minPause), maxPause)
	return b.pause/2 + jitter(b.pause/2)
}

// Wait pauses for Next's time; it is false if ctx ends before that.
func (b *Backoff) Wait(ctx context.Context, jitter func(time.Duration) time.Duration) bool {
	t := time.NewTimer(b.Next(jitter))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
