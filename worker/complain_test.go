package worker

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestComplaints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c complaints
		want := func(msg string, write bool, unsaid int) {
			t.Helper()
			if w, n := c.say(msg, time.Now()); w != write || n != unsaid {
				t.Errorf("%s: got %v, %d, want %v, %d", msg, w, n, write, unsaid)
			}
		}
		want("a", true, 0)
		want("a", false, 0)
		want("b", true, 0) // another one is not held back by it
		time.Sleep(complaintEvery - 1)
		want("a", false, 0)
		time.Sleep(time.Nanosecond)
		want("a", true, 2)
		want("a", false, 0)
		want("b", true, 0)
	})
}
