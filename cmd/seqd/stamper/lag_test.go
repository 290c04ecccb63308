package stamper_test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// lag waits until a stamper's lag is what it should be.
func lag(t *testing.T, s *started, want int64) {
	t.Helper()
	await(t, fmt.Sprintf("a lag of %d", want), func() bool {
		got, err := s.Lag(t.Context())
		return err == nil && got == want
	})
}

// While the output was full the lag was soothing: 6, of 133 messages that were
// not stamped.
func TestLagOfFullOutput(t *testing.T) {
	r := newRig(t, func(c *jetstream.StreamConfig) { c.MaxMsgs, c.Discard = 10, jetstream.DiscardNew })
	r.addConsumer(t, nil)
	r.publish(t, 10, 1)
	s := r.start(t, config())
	standby := r.start(t, config())
	lag(t, s, 0)
	r.publish(t, 6, 1)
	lag(t, s, 6)
	r.publish(t, 127, 1)
	for range 3 { // in whatever state the rounds that fail leave the consumer
		was := s.Stats().Failures + standby.Stats().Failures
		await(t, "a round fails", func() bool { return s.Stats().Failures+standby.Stats().Failures > was })
		lag(t, s, 133)
		lag(t, standby, 133)
	}
}

// The same of a stamper that does nothing at all, and of a consumer with a filter.
func TestLagOfStuckStamper(t *testing.T) {
	r := newRig(t, nil)
	r.addConsumer(t, func(c *jetstream.ConsumerConfig) { c.FilterSubject = "orders.key0.*" })
	r.publish(t, 20, 2)
	c, stamping, goOn := pausing()
	s := r.start(t, c)
	<-stamping
	r.publish(t, 20, 2)
	lag(t, s, 20)
	close(goOn)
	lag(t, s, 0)
}
