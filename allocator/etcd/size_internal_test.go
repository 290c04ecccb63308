package etcd

import (
	"testing"
	"time"
)

// The search ends at what etcd takes, soon, whatever that is, and finds another
// limit again.
func TestSize(t *testing.T) {
	now := time.Now()
	var s size
	settle := func(most int) (refusals int) {
		for tries := 0; tries < 30; tries++ {
			s.forget(now)
			n := s.limit()
			if n <= most || n == 1 {
				s.took(n)
			} else {
				refusals++
				s.tooLarge(n, now)
			}
		}
		if got, want := s.limit(), min(max(most, 1), maxSwaps); got != want {
			t.Errorf("settled at %d, want %d", got, want)
		}
		return refusals
	}
	for most := range 200 {
		s = size{}
		if n := settle(most); n > 8 {
			t.Errorf("%d refusals until %d was found", n, most)
		}
	}
	settle(50)
	settle(20) // lowered at any time
	now = now.Add(refusalHolds)
	settle(90) // raised: found a minute later
	now = now.Add(refusalHolds)
	settle(maxSwaps)
}

// Two transactions may be under way: the refusal of the larger one that comes
// last is no news.
func TestSizeOfTwoUnderWay(t *testing.T) {
	var s size
	s.tooLarge(16, time.Now())
	s.tooLarge(127, time.Now())
	if got := s.limit(); got != 8 {
		t.Errorf("the limit is %d, want 8", got)
	}
}
