package worker_test

import (
	"testing"
	"time"

	"github.com/seqd-io/seqd/numbering"
	"github.com/seqd-io/seqd/worker"
)

// A worker whose clock is two minutes behind another one's says so, by what that
// tells and by a period that its own clock has not reached.
func TestClocksApart(t *testing.T) {
	tm := apart(t, worker.Store{Name: "a", Numbers: rules(t, numbering.Config{Period: "day"})},
		clockAt(t, "2026-11-29T23:58:00Z"), clockAt(t, "2026-11-30T00:00:00Z"))
	eventually(t, func() bool {
		for _, m := range tm.crew {
			if m.Snapshot().ClockOffset.Abs().Round(10*time.Second) == 2*time.Minute {
				return tm.log.contains("another worker's clock is not as ours")
			}
		}
		return false
	}, "nobody says that the clocks are apart")
	want(t, tm.put(t, "other.a.k", with(weak, inText), ""), "2026-11-30-1", false)
	want(t, tm.put(t, "seq.a.k", with(weak, inText), ""), "2026-11-30-11", false)
	eventually(t, func() bool { return tm.log.contains("a period that this worker's clock has not reached") }, "nobody says that the period is early")
}

// Clocks that agree are no reason to warn, and one early id within a minute is none.
func TestClocksAgree(t *testing.T) {
	tm := apart(t, worker.Store{Name: "a", Numbers: rules(t, numbering.Config{Period: "day"})},
		clockAt(t, "2026-11-29T23:59:20Z"), clockAt(t, "2026-11-30T00:00:00Z"))
	eventually(t, func() bool {
		return tm.crew[0].Snapshot().ClockOffset != 0 || tm.crew[1].Snapshot().ClockOffset != 0
	}, "nobody compares clocks")
	want(t, tm.put(t, "other.a.k", with(weak, inText), ""), "2026-11-30-1", false)
	want(t, tm.put(t, "seq.a.k", with(weak, inText), ""), "2026-11-30-11", false)
	if tm.log.contains("another worker's clock is not as ours") || tm.log.contains("clock has not reached") {
		t.Error("it is said that clocks are apart that are not")
	}
}
