// Package pace is for tests, which run on machines whose pace nobody knows: what
// takes a millisecond alone may take a second beside other work.
package pace

import (
	"testing"
	"time"
)

// Patience bounds what is sure to come. It only ends a test that would hang.
const Patience = time.Minute

// Enough calls try with a time, and with twice as much for as long as it returns
// an error. It is for what must happen before a time is up, in a call with a
// timeout or in a measurement, where only trying tells how much this machine
// needs for that now. What must not happen at all is never checked by try.
func Enough(t testing.TB, first time.Duration, try func(time.Duration) error) {
	t.Helper()
	for d := first; ; d *= 2 {
		err := try(d)
		if err == nil {
			return
		}
		if d > Patience {
			t.Fatalf("within %v: %v", d, err)
		}
	}
}
