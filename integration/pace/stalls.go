package pace

import (
	"sync"
	"testing"
	"time"
)

// tick is how often Stalls looks at the clock.
const tick = 2 * time.Millisecond

// Stalls notes when this process did not get to run, because the machine had
// other things to do or was not there at all. Where a test measures how long
// something took, the bound is what was promised and the stalls meanwhile.
type Stalls struct {
	mu    sync.Mutex
	spans []span // in order
}

// span is a time between two looks at the clock that was too long.
type span struct{ from, to time.Time }

// WatchStalls watches until the test's end.
func WatchStalls(t testing.TB) *Stalls {
	s := &Stalls{}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		for before := time.Now(); ; {
			select {
			case <-ticker.C:
			case <-stop:
				return
			}
			now := time.Now()
			s.note(before, now)
			before = now
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped })
	return s
}

func (s *Stalls) note(before, now time.Time) {
	if now.Sub(before) <= 2*tick {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spans = append(s.spans, span{before.Add(tick), now})
}

// During returns how much of a time the process did not get. What is under way
// at its end may be missing.
func (s *Stalls) During(from, to time.Time) (missing time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.spans {
		if p.from.Before(from) {
			p.from = from
		}
		if p.to.After(to) {
			p.to = to
		}
		missing += max(p.to.Sub(p.from), 0)
	}
	return missing
}

// Since returns how much of the time since begin the process did not get.
func (s *Stalls) Since(begin time.Time) time.Duration {
	return s.During(begin, time.Now())
}
