package pace

import (
	"testing"
	"time"
)

// What counts of a stall is the part that lies in the time that is asked about.
func TestDuring(t *testing.T) {
	begin := time.Now()
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	var s Stalls
	s.note(at(0), at(4))       // ticks come late now and then
	s.note(at(98), at(200))    // from 100 on
	s.note(at(998), at(1_500)) // from 1000 on
	for _, test := range []struct{ from, to, want int }{
		{0, 2000, 600}, {0, 90, 0}, {150, 2000, 550}, {100, 1200, 300}, {110, 120, 10}, {1600, 2000, 0},
	} {
		if got := s.During(at(test.from), at(test.to)); got != time.Duration(test.want)*time.Millisecond {
			t.Errorf("%d to %d: got %v, want %d ms", test.from, test.to, got, test.want)
		}
	}
}
