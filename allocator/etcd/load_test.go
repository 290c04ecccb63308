package etcd

import (
	"errors"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// A swap that would come too late is refused before it is queued; one that the
// next transaction takes along never is.
func TestLoadRefusesWhatWouldComeTooLate(t *testing.T) {
	var l load
	for range 100 {
		l.note(10 * time.Millisecond)
	}
	for _, test := range []struct {
		due      int
		patience time.Duration // 0: no deadline
		refused  bool
	}{
		{0, time.Millisecond, false},
		{maxSwaps - 1, time.Millisecond, false},
		{maxSwaps, 5 * time.Millisecond, true},
		{maxSwaps, 100 * time.Millisecond, false},
		{20 * maxSwaps, 100 * time.Millisecond, true}, // ten turns of two, and its own
		{20 * maxSwaps, time.Second, false},
		{20 * maxSwaps, 0, false},
	} {
		var deadline time.Time
		if test.patience > 0 {
			deadline = time.Now().Add(test.patience)
		}
		err := l.refuse(deadline, test.due)
		if errors.Is(err, allocator.ErrBusy) != test.refused {
			t.Errorf("%d due, %v left: got %v", test.due, test.patience, err)
		}
		var busy *allocator.BusyError
		if errors.As(err, &busy) && (busy.Wait < 10*time.Millisecond || busy.Wait > 200*time.Millisecond) {
			t.Errorf("%d due: it says that an advance takes %v", test.due, busy.Wait)
		}
	}
}
