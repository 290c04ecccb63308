package worker

import (
	"fmt"
	"sync/atomic"
	"time"
)

// loop is the sign of life of a goroutine that goes round for as long as the
// worker runs. The zero value has not begun.
type loop struct {
	latest atomic.Int64 // nanoseconds since the worker started; 0: not begun
}

// turn is called each time round.
func (l *loop) turn(w *Worker) { l.latest.Store(int64(time.Since(w.started))) }

// stoodStill returns for how long the loop has not gone round.
func (l *loop) stoodStill(now time.Duration) time.Duration {
	if latest := time.Duration(l.latest.Load()); latest > 0 {
		return now - latest
	}
	return 0
}

// Stalled returns an error that names a loop of the worker which has not gone round
// for limit, or nil if there is none. NATS and etcd hold up a loop for some three
// seconds, whatever state they are in, and at the very most for the minute that
// nats.go waits for a socket which takes nothing. A loop that stands still for longer
// will not go on by itself, and the process should be replaced.
//
// Stalled takes the locks that requests take, and blocks for as long as they do. It
// returns nil before Run, and while the worker drains.
func (w *Worker) Stalled(limit time.Duration) error {
	if w.State() == Draining { // asked for its locks too
		return nil
	}
	now := time.Since(w.started)
	if d := w.pauseLoop.stoodStill(now); d > limit {
		return fmt.Errorf("the watch over pauses has stood still for %v", d.Round(time.Millisecond))
	}
	if d := w.natsLoop.stoodStill(now); d > limit {
		return fmt.Errorf("the watch over NATS has stood still for %v", d.Round(time.Millisecond))
	}
	for _, b := range w.backends {
		if d := b.loop.stoodStill(now); d > limit {
			return fmt.Errorf("the watch over the counters at %s has stood still for %v", b.Name, d.Round(time.Millisecond))
		}
		if d := b.lease.loop.stoodStill(now); d > limit {
			return fmt.Errorf("the watch over the lease at %s has stood still for %v", b.Name, d.Round(time.Millisecond))
		}
	}
	return nil
}
