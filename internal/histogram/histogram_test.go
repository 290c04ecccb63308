package histogram_test

import (
	"math"
	"sync"
	"testing"
	"time"

	"github.com/seqd-io/seqd/internal/histogram"
)

// bucketOf returns the bound of the bucket a snapshot's one value is in.
func bucketOf(t *testing.T, s histogram.Snapshot) float64 {
	t.Helper()
	if s.Count != 1 {
		t.Fatalf("%d values", s.Count)
	}
	for _, b := range s.Buckets {
		if b.Count == 1 {
			return b.Bound
		}
	}
	return math.Inf(1)
}

func TestDurationsBuckets(t *testing.T) {
	for _, c := range []struct {
		d     time.Duration
		bound float64
	}{
		{-time.Second, 10e-6},
		{0, 10e-6},
		{10 * time.Microsecond, 10e-6},
		{10*time.Microsecond + 1, 20e-6},
		{20 * time.Microsecond, 20e-6},
		{20*time.Microsecond + 1, 40e-6},
		{time.Millisecond, 1.28e-3},
		{10*time.Second + 485760*time.Microsecond, 10.48576},
		{10*time.Second + 485761*time.Microsecond, math.Inf(1)},
		{math.MaxInt64, math.Inf(1)},
	} {
		var h histogram.Durations
		h.Observe(c.d)
		if got := bucketOf(t, h.Snapshot()); math.Abs(got-c.bound) > c.bound/1e9 {
			t.Errorf("%v is at or below %g s, want %g", c.d, got, c.bound)
		}
		if got := h.Sum(); got != max(c.d, 0) {
			t.Errorf("%v: the sum is %v", c.d, got)
		}
	}
}

func TestSizesBuckets(t *testing.T) {
	for n, bound := range map[int]float64{
		-1: 1, 0: 1, 1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 16384: 16384, 16385: math.Inf(1), math.MaxInt: math.Inf(1),
	} {
		var h histogram.Sizes
		h.Observe(n)
		if got := bucketOf(t, h.Snapshot()); got != bound {
			t.Errorf("%d is at or below %g, want %g", n, got, bound)
		}
	}
}

// Counts are cumulative, as Prometheus wants them, and nothing is lost to
// concurrent use.
func TestConcurrentObservations(t *testing.T) {
	var h histogram.Durations
	var all sync.WaitGroup
	const each = 10_000
	for g := range 4 {
		all.Go(func() {
			for range each {
				h.Observe(time.Duration(g) * 15 * time.Microsecond) // 0, 15, 30, 45 µs
			}
		})
	}
	all.Wait()
	s := h.Snapshot()
	if s.Count != 4*each || h.Count() != 4*each {
		t.Errorf("%d and %d values, want %d", s.Count, h.Count(), 4*each)
	}
	for i, want := range []uint64{each, 2 * each, 3 * each, 4 * each, 4 * each} {
		if got := s.Buckets[i].Count; got != want {
			t.Errorf("%d values at or below %g s, want %d", got, s.Buckets[i].Bound, want)
		}
	}
	if want := each * 90e-6; math.Abs(s.Sum-want) > 1e-9 {
		t.Errorf("the sum is %g s, want %g", s.Sum, want)
	}
}

func TestObserveAllocatesNothing(t *testing.T) {
	var h histogram.Durations
	if n := testing.AllocsPerRun(1000, func() { h.Observe(time.Millisecond) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDurations(b *testing.B) {
	var h histogram.Durations
	for b.Loop() {
		h.Observe(37 * time.Microsecond)
	}
}
