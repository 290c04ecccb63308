package stamp_test

import (
	"testing"
)

// On streams with three replicas nothing was ever stamped: there the status that
// ends a pull comes before its messages, which were dropped as late.
func TestReplicated(t *testing.T) {
	r := newReplicatedRig(t)
	s := r.start(t, config())
	r.publish(t, 1, 1)
	r.awaitOutput(t, 1)
	r.publish(t, 2000, 7)
	r.awaitOutput(t, 2001)
	s.stop(t)
	r.verify(t)
	if got := s.Stats(); got.Stamped != 2001 || got.Duplicates != 0 || got.Failures != 0 || got.Rewinds != 0 {
		t.Errorf("got %+v", got)
	}
}
