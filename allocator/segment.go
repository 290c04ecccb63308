package allocator

import (
	"math"
	"time"
)

// Segments says how the segments of a key are sized. The zero value means the
// defaults.
type Segments struct {
	Min    int           // ids in a cold key's segment; 0 means DefaultSegmentMin
	Max    int           // ids in the largest segment; 0 means DefaultSegmentMax
	Runway time.Duration // how long a hot key's segment should last; 0 means DefaultRunway
}

// Defaults of Segments.
const (
	DefaultSegmentMin = 10
	DefaultSegmentMax = 1_000_000
	DefaultRunway     = 10 * time.Second
)

func (s Segments) withDefaults() Segments {
	if s.Min == 0 {
		s.Min = DefaultSegmentMin
	}
	if s.Max == 0 {
		s.Max = max(DefaultSegmentMax, s.Min)
	}
	if s.Runway == 0 {
		s.Runway = DefaultRunway
	}
	return s
}

// maxGrowth bounds how much larger a segment may be than the one before it, so
// that a short burst on a cold key does not burn a million ids.
const maxGrowth = 8

// stock is what one worker holds of a key: ids that are reserved and not spent.
// Ranges are spent in the order they were reserved.
type stock struct {
	current Range // being spent
	next    Range // reserved later; current is not empty while this is not

	spent   int           // ids handed out since fetched
	fetched time.Duration // when the latest advance began, on the Weak's clock
	size    int32         // ids in the latest segment, or math.MaxInt32
	failed  bool          // the latest advance brought nothing
	used    bool          // since the clock's hand passed; see clock
	owner   uint16        // who owns the key, if that is another process; see owners
}

// take hands out n contiguous ids; ok is false where no range holds as many.
func (s *stock) take(n int) (ids Range, ok bool) {
	if s.current.N < n {
		if s.next.N < n {
			return Range{}, false
		}
		// What is left of current is a gap: kept, it would break the order.
		s.current, s.next = s.next, Range{}
	}
	ids = s.current.take(n)
	s.spent += n
	if s.current.N == 0 {
		s.current, s.next = s.next, Range{}
	}
	return ids, true
}

// skip drops the ids that are not above a mark, and returns how many.
func (s *stock) skip(above int64) int {
	gap := s.current.skip(above)
	if s.current.N == 0 {
		s.current, s.next = s.next, Range{}
		gap += s.current.skip(above)
	}
	return gap
}

// add puts a new segment behind what is there.
func (s *stock) add(ids Range) {
	switch {
	case s.current.N == 0:
		s.current = ids
	case s.next.N == 0 && s.current.Last()+1 == ids.First:
		s.current.N += ids.N // nobody else advanced the key meanwhile
	case s.next.N == 0:
		s.next = ids
	case s.next.Last()+1 == ids.First:
		s.next.N += ids.N
	default:
		// Two ranges are there and a third came only because somebody waits for
		// more ids than either holds: the older one could not be spent any more.
		s.current, s.next = s.next, ids
	}
}

// held returns how many ids are there.
func (s *stock) held() int { return s.current.N + s.next.N }

// rest returns the ids that were reserved last and are still there: nobody has
// been given a greater one.
func (s *stock) rest() Range {
	switch {
	case s.next.N == 0:
		return s.current
	case s.current.Last()+1 == s.next.First:
		return Range{First: s.current.First, N: s.held()}
	}
	return s.next
}

// low reports whether half of the latest segment is spent: time to fetch.
func (s *stock) low() bool { return s.held() <= int(s.size/2) }

// begin notes that an advance for size ids begins now.
func (s *stock) begin(size int, now time.Duration) {
	s.size, s.spent, s.fetched = int32(min(size, math.MaxInt32)), 0, now
}

// nextSize returns the size of a segment that would last a runway at the rate
// ids were spent since the latest one was fetched.
func (s *stock) nextSize(p Segments, now time.Duration) int {
	if s.size == 0 {
		return p.Min
	}
	elapsed := max(now-s.fetched, time.Microsecond)
	want := float64(s.spent) * float64(p.Runway) / float64(elapsed)
	want = min(want, float64(s.size)*maxGrowth, float64(p.Max))
	return max(int(want), p.Min)
}
