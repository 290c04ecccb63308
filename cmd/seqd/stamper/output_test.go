package stamper_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// An output that lost its last messages, as by a power cut, or one that was made
// anew, shows less than what is acknowledged.
func TestOutputFallsBack(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, r *rig) (do func())
		want   string
	}{
		"restored":  {func(t *testing.T, r *rig) func() { return r.backUp(t, outputStream) }, "its last sequence is 10, and was 20"},
		"made anew": {func(t *testing.T, r *rig) func() { return func() { r.remake(t, outputConfig) } }, "it was made at"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, shortWindow)
			r.stampTen(t, 10)
			do := c.change(t, r)
			r.stampTen(t, 20)
			do()
			left := r.stored(t, outputStream)
			r.publish(t, 5, 1)
			r.refuses(t, config(), c.want, "ORDERS:20", "nats consumer rm ORDERS stamper -f", "--start-seq N")
			if got := r.stored(t, outputStream); got != left {
				t.Errorf("%d messages in the output, want %d", got, left)
			}
		})
	}
}

// The same, while the stamper runs.
func TestOutputMadeAnewMeanwhile(t *testing.T) {
	r := newRig(t, shortWindow)
	r.addConsumer(t, nil)
	r.publish(t, 20, 1)
	s := r.start(t, config())
	r.awaitOutput(t, 20)
	r.remake(t, outputConfig)
	r.publish(t, 20, 1)
	if err := s.wait(t); err == nil || !strings.Contains(err.Error(), "the output stream STAMPED was made anew") {
		t.Errorf("got %v", err)
	}
	if got := r.stored(t, outputStream); got != 0 {
		t.Errorf("%d messages in the output", got)
	}
}

// A consumer's position is of one output: with another one what it has
// acknowledged would be in no output of the two.
func TestOtherOutput(t *testing.T) {
	r := newRig(t, shortWindow)
	r.publish(t, 20, 1)
	s := r.start(t, config())
	r.awaitOutput(t, 20)
	s.stop(t)
	r.addStream(t, jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"other.>"}, AllowAtomicPublish: true})
	c := config()
	c.To = "other.{{subject}}"
	r.refuses(t, c, "the output stream OTHER", "is not the one that consumer stamper of ORDERS was used with")
}
