package worker

import (
	"fmt"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/subjects"
)

// BUSY says when to come again: when those who wait will have been served.
func TestBusyTellsWhenToRetry(t *testing.T) {
	for wait, want := range map[time.Duration]time.Duration{
		0:                      busyRetry,
		200 * time.Millisecond: 200 * time.Millisecond,
		time.Minute:            maxBusyRetry,
	} {
		c := &call{}
		got := c.wireError(fmt.Errorf("advance: %w", &allocator.BusyError{Wait: wait}))
		if got.Code != subjects.Busy || got.RetryAfter != want {
			t.Errorf("a wait of %v: got %v, retry after %v, want %v", wait, got, got.RetryAfter, want)
		}
	}
}
