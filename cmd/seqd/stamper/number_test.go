package stamper_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/seqd-io/seqd/cmd/seqd/stamper"
)

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
