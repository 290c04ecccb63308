package worker

import (
	"context"
	"time"
)

// suspension finds out that the machine was suspended, or is a virtual one that
// was: then the clock that tenures are held against stood still with this process,
// and another one may have taken its keys over. It can only be known afterwards,
// and some ids may be out by then; see the DESIGN.
type suspension struct {
	drift  func() (time.Duration, bool)
	before time.Duration
}

const (
	// maxDrift is how far two clocks may be apart after a beat for nothing.
	maxDrift = 100 * time.Millisecond

	letGoTimeout = time.Second
)

// newSuspension takes a function that returns by how much a clock which goes on
// while the machine is suspended is ahead of the one that does not; ok is false
// where there is no such clock.
func newSuspension(drift func() (time.Duration, bool)) *suspension {
	s := &suspension{drift: drift}
	s.before, _ = drift()
	return s
}

// since returns for how long the machine was suspended since since was last
// called.
func (s *suspension) since() time.Duration {
	now, ok := s.drift()
	if !ok {
		return 0
	}
	d := now - s.before
	s.before = now
	return d
}

// suspended drops what this worker owns.
func (w *Worker) suspended(slept time.Duration) {
	w.suspensions.Add(1)
	w.log.Warn("this machine was suspended; what this worker owned is let go of", "for", slept.Round(time.Millisecond))
	for _, b := range w.backends {
		if b.lease.length == 0 {
			continue
		}
		// Not here: nobody keeps the pulse while etcd is asked. What is owned is
		// dropped before that.
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), letGoTimeout)
			defer cancel()
			_ = b.issuer.LetGo(ctx) // the loop tries again
			b.lease.left()
		}()
	}
}
