package stamper_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/seqd-io/seqd/cmd/seqd/stamper"
)

// Over a period's end the ids begin anew, and the marks go on: verify holds periods
// and ids against each other.
func TestStampOverAPeriodsEnd(t *testing.T) {
	r := newRig(t, nil)
	c := config()
	c.Store = "tickets"
	s := r.start(t, c)
	r.publish(t, 50, 3)
	r.awaitOutput(t, 50)
	r.ahead.Add(int64(366 * 24 * time.Hour))
	r.publish(t, 50, 3)
	r.awaitOutput(t, 100)
	s.stop(t)
	r.verify(t)
	ids := map[string]int{} // by period
	for _, m := range r.read(t, outputStream) {
		ids[m.Headers().Get(stamper.PeriodHeader)]++
	}
	if len(ids) != 2 {
		t.Errorf("messages by period: %v, want two periods", ids)
	}
}

// A key with numbers has them beside the ids, with their period.
func TestNumberHeaders(t *testing.T) {
	r := newRig(t, nil)
	r.publish(t, 50, 3)
	c := config()
	c.Store = "tickets"
	s := r.start(t, c)
	r.awaitOutput(t, 50)
	s.stop(t)
	r.verify(t)
	year := time.Now().UTC().Format("2006")
	for i, m := range r.read(t, outputStream) {
		h := m.Headers()
		var id int
		if _, err := fmt.Sscan(h.Get(stamper.IDHeader), &id); err != nil {
			t.Fatal(err)
		}
		if got, want := h.Get(stamper.NumberHeader), fmt.Sprintf("T%s-%05d", year, id); got != want || h.Get(stamper.PeriodHeader) != year {
			t.Errorf("message %d: got %q of %q, want %q of %s", i, got, h.Get(stamper.PeriodHeader), want, year)
		}
	}
}
