package worker

import (
	"testing"
	"time"
)

// A list of messages that come in bursts: each message's arrival is known to
// within the time that markEvery messages take to handle.
func TestBacklogKnowsWhenMessagesCame(t *testing.T) {
	const each = 10 * time.Microsecond // to handle one message
	start := time.Now()
	var b backlog
	var came []time.Time // the list
	now := start
	late, worst := 0, time.Duration(0)
	for handled := 0; handled < 100_000; {
		if len(came) == 0 || handled%5000 == 0 {
			for range 4000 {
				came = append(came, now)
			}
		}
		for range 100 {
			if len(came) == 0 {
				break
			}
			got := b.arrival(now, func() int { return len(came) })
			if off := got.Sub(came[0]); off < 0 || off > worst {
				worst = max(worst, off)
				if off < 0 {
					t.Fatalf("message %d came at %v, not at %v already", handled, came[0].Sub(start), got.Sub(start))
				}
			}
			if now.Sub(came[0]) > 20*time.Millisecond {
				late++
			}
			came = came[1:]
			handled++
			now = now.Add(each)
		}
	}
	if worst > 2*markEvery*each {
		t.Errorf("off by up to %v", worst)
	}
	if late < 1000 {
		t.Errorf("only %d messages waited long: the test shows little", late)
	}
	// Nothing waits any more: it has just come.
	for range maxMarks * markEvery {
		now = now.Add(time.Second)
		if got := b.arrival(now, func() int { return 1 }); got != now && len(came) == 0 {
			t.Fatalf("it came at %v, not %v ago", now, now.Sub(got))
		}
		if len(came) > 0 {
			came = came[1:]
		}
	}
}
