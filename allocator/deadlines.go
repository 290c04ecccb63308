package allocator

import (
	"sync"
	"time"
)

// deadlines answers the requests of a key whose time is up while they wait. The
// allocator's lock guards it, and the lines.
type deadlines struct {
	mu    *sync.Mutex
	lines [2]*line    // where they wait; nil: nowhere else
	timer *time.Timer // runs expire at wake; nil: there was no request yet
	wake  time.Time
	armed bool // expire has not run since wake was set
}

// armLocked sees to it that expire looks at the lines by deadline.
func (d *deadlines) armLocked(deadline time.Time) {
	switch {
	case d.timer == nil:
		d.timer = time.AfterFunc(time.Until(deadline), d.expire)
	case !d.armed || deadline.Before(d.wake):
		d.timer.Reset(time.Until(deadline))
	default:
		return // it wakes early enough, and looks again
	}
	d.wake, d.armed = deadline, true
}

// expire answers the requests whose deadline has passed, also those that an
// advance is under way for: their part of the range will be a gap.
func (d *deadlines) expire() {
	var expired [len(d.lines)]line
	now := time.Now()
	d.mu.Lock()
	d.armed = false
	for i, l := range d.lines {
		if l == nil {
			continue
		}
		expired[i] = l.takeExpired(now)
		if l.count > 0 {
			d.armLocked(l.earliest)
		}
	}
	d.mu.Unlock()
	for _, l := range expired {
		l.serve(Range{}, ErrExpired)
	}
}

// stopLocked ends the timer; nobody waits any more.
func (d *deadlines) stopLocked() {
	if d.timer != nil {
		d.timer.Stop()
	}
}
