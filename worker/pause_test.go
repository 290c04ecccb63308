package worker

import (
	"testing"
	"time"
)

// What a process finds after it stood still may have come right after its last
// beat before that; and so on, until all of it has been handled.
func TestPulse(t *testing.T) {
	const ms = time.Millisecond
	var p pulse
	arrival := func(now, want time.Duration) {
		t.Helper()
		if got := p.arrival(now); got != want {
			t.Errorf("handled at %v: it came at %v, want %v", now, got, want)
		}
	}
	beat := func(now, wantSilence time.Duration, caughtUp func()) {
		t.Helper()
		called := false
		got := p.beat(now, func() {
			called = true
			caughtUp()
		})
		if got != wantSilence || called != (wantSilence > 0) {
			t.Errorf("beat at %v: silence of %v, want %v", now, got, wantSilence)
		}
	}
	arrival(10*time.Second, 10*time.Second) // nobody watches

	beat(1000*ms, 0, nil)
	arrival(1010*ms, 1010*ms)
	arrival(1250*ms, 1250*ms) // a late beat is no pause
	beat(1250*ms, 0, nil)

	// It stands still for three seconds. A request may be handled before the
	// watch wakes up, and while it waits for what came meanwhile to be handled.
	arrival(4250*ms, 1250*ms)
	beat(4251*ms, 3001*ms, func() { arrival(4300*ms, 1250*ms) })
	arrival(4310*ms, 4310*ms)

	// It stands still again while it catches up from the last time.
	beat(6000*ms, 1749*ms, func() { arrival(8000*ms, 4251*ms) })
	arrival(8001*ms, 6000*ms)
	beat(8050*ms, 2050*ms, func() {})
	arrival(8060*ms, 8060*ms)
}
