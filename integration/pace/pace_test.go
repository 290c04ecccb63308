package pace_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
)

func TestEnough(t *testing.T) {
	var tried []time.Duration
	pace.Enough(t, time.Second, func(d time.Duration) error {
		if tried = append(tried, d); len(tried) < 3 {
			return errors.New("too little")
		}
		return nil
	})
	if want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}; !slices.Equal(tried, want) {
		t.Errorf("tried %v, want %v", tried, want)
	}
}

// gaveUp is what the last test's Fatalf stops with.
type gaveUp struct{ testing.TB }

func (gaveUp) Helper()               {}
func (gaveUp) Fatalf(string, ...any) { panic("gave up") }

// What never comes ends the test.
func TestEnoughGivesUp(t *testing.T) {
	tried := 0
	defer func() {
		if p := recover(); p != "gave up" || tried != 7 {
			t.Errorf("%v after %d tries, want an end after 7", p, tried)
		}
	}()
	pace.Enough(gaveUp{t}, time.Second, func(time.Duration) error { tried++; return errors.New("never") })
}
