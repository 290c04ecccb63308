package stamper

import (
	"fmt"

	"github.com/nats-io/nats.go"
)

// idRoom is for what is still missing from a copy when it is prepared: the id,
// and the headers of the atomic publish.
const idRoom = 512 // bytes

// What nats-server takes at most of a message, whatever is configured.
const (
	maxHeader = 64<<10 - 1
	maxStored = 32<<20 - 1<<10 // of a file-backed stream, with what is written beside the message
)

// prepare makes the copies of msgs, without their ids. A message that can't be
// stamped is marked bad and has no copy; or it cuts msgs off there and is
// returned as an error that ends Run.
func (s *Stamper) prepare(msgs []message) ([]message, []*nats.Msg, error) {
	out := make([]*nats.Msg, 0, len(msgs))
	for i := range msgs {
		m := &msgs[i]
		c, err := s.copy(m)
		switch {
		case err == nil:
			out = append(out, c)
		case s.config.SkipBad:
			m.bad = err
			s.config.Log.Warn("message skipped", "stream", s.config.Stream, "seq", m.seq, "subject", m.Subject(), "err", err)
		default:
			err = fmt.Errorf("%w: %s:%d, subject %s: %w; skip such messages with --on-bad skip", ErrBadMessage, s.config.Stream, m.seq, m.Subject(), err)
			return msgs[:i], out, stop(err)
		}
	}
	return msgs, out, nil
}

// copy makes the copy of m. An error says why it can't.
func (s *Stamper) copy(m *message) (*nats.Msg, error) {
	key, err := s.config.Key(m)
	if err != nil {
		return nil, err
	}
	if err := checkKey(key); err != nil {
		return nil, err
	}
	subject, err := s.template.Subject(m.Subject())
	if err != nil {
		return nil, err
	}
	c := &nats.Msg{
		Subject: subject,
		Header:  s.outHeader(m, key),
		Data:    m.Data(),
	}
	if size := c.Size() - len(c.Subject) - len(c.Data) + idRoom; size > maxHeader {
		return nil, fmt.Errorf("with the new ones its headers would have %d bytes, and a stream takes %d", size, maxHeader)
	}
	if size := c.Size() + idRoom; size > s.maxSize {
		return nil, fmt.Errorf("with its new headers it would have %d bytes, and %s takes %d", size, s.output.stream, s.maxSize)
	}
	return c, nil
}
