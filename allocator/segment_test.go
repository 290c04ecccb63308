package allocator_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// defaults is the config of a Weak that is not configured.
var defaults = allocator.WeakConfig{}

func TestSegmentOfAColdKey(t *testing.T) {
	tests := []struct {
		name   string
		config allocator.WeakConfig
		n      int
		last   int64
	}{
		{"one id", defaults, 1, allocator.DefaultSegmentMin},
		{"a whole segment", defaults, 10, 10},
		{"more than a segment", defaults, 5000, 5000},
		{"no less than configured", sized(500), 1, 500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWeak(t, tt.config, func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
				c.ask(key, tt.n, time.Second).wantIDs(t, 1, tt.n, 0)
				time.Sleep(time.Hour)
				wantLast(t, m, key, tt.last) // it burns no more later on
				wantAdvances(t, m, 0, int(tt.last))
			})
		})
	}
}

// load asks for one id at a time at a steady rate and returns how many had to
// wait.
func load(t *testing.T, c *caller, rate int, d time.Duration) (waited int) {
	t.Helper()
	pause := time.Second / time.Duration(rate)
	for range int(d / pause) {
		r := c.ask(key, 1, time.Second)
		time.Sleep(pause)
		got := r.got()
		if len(got) != 1 || got[0].err != nil {
			t.Fatalf("request got %v, want an id", got)
		}
		if got[0].after > 0 {
			waited++
		}
	}
	return waited
}

func TestSegmentsFollowUse(t *testing.T) {
	const runway = allocator.DefaultRunway
	inWeak(t, defaults, func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		m.Script(slow(time.Millisecond))
		sizes := func(since int) (sizes []int) {
			for _, call := range m.Calls()[since:] {
				sizes = append(sizes, call.N)
			}
			return sizes
		}

		load(t, c, 500, 5*runway)
		warm := len(m.Calls())
		if got := sizes(0); got[0] != allocator.DefaultSegmentMin || got[1] > 8*got[0] {
			t.Errorf("segments begin with %v, want %d and growth of at most 8 times", got, allocator.DefaultSegmentMin)
		}
		if waited := load(t, c, 500, 10*runway); waited > 0 {
			t.Errorf("%d requests at a steady rate had to wait", waited)
		}
		if got := sizes(warm); len(got) < 5 || len(got) > 20 {
			t.Errorf("%d advances in 10 runways, want 5 to 20: %v", len(got), got)
		}
		busy := sizes(warm)[0]
		if busy < 500*10/2 || busy > 500*10*2 {
			t.Errorf("a segment at 500 ids/s has %d ids, want about %d", busy, 500*10)
		}

		idle := len(m.Calls())
		if waited := load(t, c, 5, 300*runway); waited > 0 {
			t.Errorf("%d requests at a lower rate had to wait", waited)
		}
		shrunk := sizes(idle)
		if len(shrunk) == 0 {
			t.Fatal("no advance in 300 runways")
		}
		if size := shrunk[len(shrunk)-1]; size < 5*10/2 || size > 5*10*2 {
			t.Errorf("a segment at 5 ids/s has %d ids, want about %d: %v", size, 5*10, shrunk)
		}

		time.Sleep(24 * time.Hour)
		night := len(m.Calls())
		load(t, c, 5, 10*runway)
		if got := sizes(night); len(got) == 0 || got[0] > 2*5*10 {
			t.Errorf("segments after a night have %v ids, want small ones", got)
		}
	})
}

func TestSegmentMax(t *testing.T) {
	config := allocator.WeakConfig{Segments: func(allocator.Key) allocator.Segments {
		return allocator.Segments{Min: 10, Max: 100}
	}}
	inWeak(t, config, func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		load(t, c, 1000, 10*time.Second)
		largest := 0
		for _, call := range m.Calls() {
			largest = max(largest, call.N)
		}
		if largest != 100 {
			t.Errorf("the largest segment of a hot key has %d ids, want 100", largest)
		}
		c.ask(key, 777, time.Second) // one request may be larger
		synctest.Wait()
		if calls := m.Calls(); calls[len(calls)-1].N < 777-2*100 {
			t.Errorf("advance was by %d for a request for 777", calls[len(calls)-1].N)
		}
	})
}

func TestSegmentRunway(t *testing.T) {
	config := allocator.WeakConfig{Segments: func(k allocator.Key) allocator.Segments {
		if k != key {
			t.Errorf("sizes of key %q are asked for, want %q", k, key)
		}
		return allocator.Segments{Runway: time.Second}
	}}
	inWeak(t, config, func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		m.Script(slow(time.Millisecond))
		load(t, c, 500, 10*time.Second)
		warm := len(m.Calls())
		if waited := load(t, c, 500, 20*time.Second); waited > 0 {
			t.Errorf("%d requests at a steady rate had to wait", waited)
		}
		if advances := len(m.Calls()) - warm; advances < 10 || advances > 40 {
			t.Errorf("%d advances in 20 runways, want 10 to 40", advances)
		}
	})
}

// A burst burns a multiple of what it used, not a million ids.
func TestSegmentsGrowStepByStep(t *testing.T) {
	inWeak(t, defaults, func(t *testing.T, m *allocatortest.Memory, w *allocator.Weak, c *caller) {
		for range 30 {
			c.ask(key, 1, time.Second)
			synctest.Wait() // no time passes: the rate is as high as can be
		}
		if last := m.Last(key); last > 30*2*8 {
			t.Errorf("30 ids at once burned %d", last)
		}
	})
}
