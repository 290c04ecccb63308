package worker

import (
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/integration/pace"
)

// A connection to NATS stood still for seconds, and then what had been handed over
// on it arrived after all. It was as good as new to its receiver, who took it: the
// caller had two answers, as the sender had long served him by then. (Found by
// integration/faults: owner cut off from NATS.)
func TestHandoversThatWereHeldUpAreNotTaken(t *testing.T) {
	s, receive := receiving(t)
	w := s.w
	w.started = w.started.Add(-time.Hour)
	for _, test := range []struct {
		old   time.Duration // by what its sender has heard of our clock; 0: nothing
		taken bool
	}{{0, true}, {time.Millisecond, true}, {takeWithin + time.Millisecond, false}, {time.Minute, false}, {-time.Minute, true}} {
		request := carried{key: allocator.Key{Store: "a", Name: "k"}, reply: "_INBOX.x", n: 1, left: time.Minute, hops: 1}
		body := encoded(request)
		if test.old != 0 {
			closeParcel(body, takeWithin, 1, time.Since(w.started)-test.old)
		}
		said := receive(body)
		if said.took(0) != test.taken {
			t.Errorf("%v old: taken is %v", test.old, !test.taken)
		}
		if now := time.Since(w.started); said.clock > now || said.clock < now-pace.Patience {
			t.Errorf("the word is of %v, at %v", said.clock, now)
		}
	}
}

// Of several words the fastest one counts, and for a while only; what another
// worker said is not taken for this one's.
func TestPeerClocks(t *testing.T) {
	var clocks peerClocks
	if got := clocks.read("a", time.Hour); got != 0 {
		t.Errorf("a clock that nothing was heard of shows %v", got)
	}
	clocks.hear("a", 100*time.Second, 5*time.Second)
	clocks.hear("b", 7*time.Second, 5*time.Second)
	clocks.hear("a", 101*time.Second, 8*time.Second) // 2 s late
	if got, want := clocks.read("a", 9*time.Second), 104*time.Second; got != want {
		t.Errorf("it shows %v, want %v", got, want)
	}
	clocks.hear("a", 110*time.Second, 5*time.Second+clockKept+3*time.Second)
	if got, want := clocks.read("a", 30*time.Second), 122*time.Second; got != want {
		t.Errorf("after a while it shows %v, want %v", got, want)
	}
	for i := range 2 * maxPeerClocks {
		clocks.hear(time.Duration(i).String(), time.Second, time.Second)
	}
	if n := len(clocks.peers); n > maxPeerClocks {
		t.Errorf("%d clocks are remembered", n)
	}
}

// A worker that was cut off from etcd stayed in the queue group for the sake of
// its weak ids, and took the strong requests that others handed over, as it had
// won their keys: nobody served these keys for 15 s. (Found by integration/faults:
// etcd cut off from one worker.)
func TestWhoCannotAdvanceTakesNoStrongRequests(t *testing.T) {
	s, receive := receiving(t)
	request := carried{key: allocator.Key{Store: "a", Name: "k"}, reply: "_INBOX.x", n: 1, left: time.Minute, hops: 1}
	for _, failing := range []bool{false, true, false} {
		s.store.backend.failing.Store(failing)
		said := receive(encoded(request))
		if took := said.took(0); took == failing {
			t.Errorf("with a Counter that fails, %v: taken is %v", failing, took)
		}
	}
}
