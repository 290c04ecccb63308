// Package histogram counts values in buckets, cheaply enough for the path of
// every request: an observation costs two atomic additions and allocates
// nothing.
//
// The bounds double from bucket to bucket, so that the bucket of a value is
// found by a division and a count of bits. A quantile read off them is less than
// twice the true one.
package histogram

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

const (
	// durationUnit is the upper bound of the first bucket of Durations.
	durationUnit = 10 * time.Microsecond

	durationBuckets = 21 // the last bound is 10.5 s
	sizeBuckets     = 15 // the last bound is 16 384
)

// Durations counts durations in buckets of 10 µs, 20 µs … 10.5 s, and more. The
// zero value is ready. It is safe for concurrent use.
type Durations struct {
	buckets [durationBuckets + 1]atomic.Uint64 // the last one is for what is above all bounds
	nanos   atomic.Int64                       // the sum
}

// Observe counts d; one below 0 counts as 0.
func (h *Durations) Observe(d time.Duration) {
	d = max(d, 0)
	i := 0
	if d > durationUnit {
		i = min(bits.Len64(uint64(d-1)/uint64(durationUnit)), durationBuckets)
	}
	h.buckets[i].Add(1)
	h.nanos.Add(int64(d))
}

// Sum returns the sum of what was observed.
func (h *Durations) Sum() time.Duration { return time.Duration(h.nanos.Load()) }

// Count returns how many were observed.
func (h *Durations) Count() int64 { return count(h.buckets[:]) }

// Counts returns how many were observed in each bucket, the unbounded one last.
func (h *Durations) Counts() []uint64 {
	counts := make([]uint64, len(h.buckets))
	for i := range h.buckets {
		counts[i] = h.buckets[i].Load()
	}
	return counts
}

// DurationBound returns the upper bound of bucket i of Durations, math.MaxInt64
// for the one that has none.
func DurationBound(i int) time.Duration {
	if i >= durationBuckets {
		return math.MaxInt64
	}
	return durationUnit << i
}

// Snapshot returns the counts in seconds.
func (h *Durations) Snapshot() Snapshot {
	return snapshot(h.buckets[:], durationUnit.Seconds(), func() float64 { return h.Sum().Seconds() })
}

// Sizes counts numbers of things in buckets of 1, 2, 4 … 16 384, and more. The
// zero value is ready. It is safe for concurrent use.
type Sizes struct {
	buckets [sizeBuckets + 1]atomic.Uint64
	sum     atomic.Int64
}

// Observe counts n; one below 0 counts as 0.
func (h *Sizes) Observe(n int) {
	n = max(n, 0)
	i := 0
	if n > 1 {
		i = min(bits.Len64(uint64(n-1)), sizeBuckets)
	}
	h.buckets[i].Add(1)
	h.sum.Add(int64(n))
}

// Count returns how many were observed.
func (h *Sizes) Count() int64 { return count(h.buckets[:]) }

// Snapshot returns the counts.
func (h *Sizes) Snapshot() Snapshot {
	return snapshot(h.buckets[:], 1, func() float64 { return float64(h.sum.Load()) })
}

// Snapshot is a histogram as it was at one time. What is being observed then may
// be in Count and not yet in Sum, or the other way round.
type Snapshot struct {
	Count   uint64
	Sum     float64
	Buckets []Bucket // in rising order, without the one that has no bound
}

// Bucket says how many values were at or below a bound.
type Bucket struct {
	Bound float64
	Count uint64
}

func snapshot(buckets []atomic.Uint64, unit float64, sum func() float64) Snapshot {
	s := Snapshot{Buckets: make([]Bucket, len(buckets)-1)}
	for i := range s.Buckets {
		s.Count += buckets[i].Load()
		s.Buckets[i] = Bucket{Bound: unit * float64(uint64(1)<<i), Count: s.Count}
	}
	s.Count += buckets[len(buckets)-1].Load()
	s.Sum = sum()
	return s
}

func count(buckets []atomic.Uint64) (n int64) {
	for i := range buckets {
		n += int64(buckets[i].Load())
	}
	return n
}
