package stamper

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Times of talking to the source.
const (
	pullWait    = 5 * time.Second // one pull's patience; below the pin's TTL, so that an idle stamper keeps it
	restWait    = time.Second     // patience for messages that are known to be there
	heartbeat   = time.Second
	callTimeout = 5 * time.Second // one request to JetStream
	ackTimeout  = 2 * time.Second
)

// source hands out the messages of a durable consumer.
type source struct {
	js      jetstream.JetStream
	stream  string
	name    string
	made    time.Time // when the consumer was made that the position is held against; Run's alone
	pending uint64    // messages that waited behind the last one that came
	pin     string    // of the last message that came
}

// fetch returns at most n messages in the order of their sequences, each once.
// It waits a while for the first. An empty result is no error.
func (s *source) fetch(ctx context.Context, n int) ([]message, error) {
	want, wait := 1, pullWait
	if s.pending > 0 {
		want, wait = int(min(s.pending, uint64(n))), restWait
	}
	got, err := s.pull(ctx, want, wait)
	if left := uint64(n - len(got)); err == nil && len(got) > 0 && left > 0 && s.pending > 0 {
		var more []message
		more, err = s.pull(ctx, int(min(s.pending, left)), restWait)
		got = append(got, more...)
	}
	slices.SortFunc(got, func(a, b message) int { return cmp.Compare(a.seq, b.seq) })
	got = slices.CompactFunc(got, func(a, b message) bool { return a.seq == b.seq })
	return got, err
}

// rewind has the consumer give out everything again, in order, that is not
// acknowledged. Without it that would come only after the consumer's ack wait,
// and behind messages that are newer.
func (s *source) rewind(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	s.pending = 0
	if _, err := s.js.ResetConsumer(ctx, s.stream, s.name); err != nil {
		return fmt.Errorf("reset consumer %s of %s to its ack floor: %w", s.name, s.stream, err)
	}
	return nil
}

// settle acknowledges messages, and terminates the bad ones. It returns when the
// consumer has confirmed the last, which it does after it took the others.
func (s *source) settle(ctx context.Context, msgs []message) error {
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	nc := s.js.Conn()
	for i, m := range msgs {
		body := []byte("+ACK")
		if m.bad != nil {
			body = fmt.Appendf(nil, "+TERM %v", m.bad)
		}
		var err error
		if i == len(msgs)-1 {
			_, err = nc.RequestWithContext(ctx, m.Reply(), body)
		} else {
			err = nc.Publish(m.Reply(), body)
		}
		if err != nil {
			return fmt.Errorf("acknowledge %s:%d: %w", s.stream, m.seq, err)
		}
	}
	return nil
}

// unpin lets another stamper go on at once, if this one was its consumer's
// client.
func (s *source) unpin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if s.pin == "" {
		return nil
	}
	info, err := s.info(ctx)
	if err != nil {
		return err
	}
	for _, g := range info.PriorityGroups {
		if g.Group == PriorityGroup && g.PinnedClientID == s.pin {
			stream, err := s.js.Stream(ctx, s.stream)
			if err != nil {
				return err
			}
			return stream.UnpinConsumer(ctx, s.name, PriorityGroup)
		}
	}
	return nil
}
