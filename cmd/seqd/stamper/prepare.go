package stamper

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// idRoom is for what is still missing from a copy when it is prepared: the id,
// and the headers of the atomic publish.
const idRoom = 512 // bytes

// What nats-server takes at most of a message, whatever is configured.
const (
	maxHeader = 64<<10 - 1
	maxStored = 32<<20 - 1<<10 // of a file-backed stream, with what is written beside the message
)

// errTooLarge is returned by copy for a message of a size that the output stream
// did not take when it was looked at.
var errTooLarge = errors.New("too large")

// limit takes from the output stream's configuration how large a message may be.
func (o *output) limit(config jetstream.StreamConfig) {
	o.maxSize = maxStored
	if config.Storage != jetstream.FileStorage {
		o.maxSize = math.MaxInt
	}
	if limit := int(config.MaxMsgSize); limit > 0 {
		o.maxSize = min(o.maxSize, limit)
	}
}

// prepare makes the copies of msgs, without their ids. A message that can't be
// stamped is marked bad and has no copy; or it cuts msgs off there and is
// returned as an error that ends Run. With another error nothing is prepared.
func (s *Stamper) prepare(ctx context.Context, msgs []message) ([]message, []*nats.Msg, error) {
	out := make([]*nats.Msg, 0, len(msgs))
	asked := false
	for i := range msgs {
		m := &msgs[i]
		if s.own(m) {
			return msgs[:i], out, stop(fmt.Errorf("%s:%d was stamped here already (%s: %s): what comes into the output stream %s comes into the source stream %s again, by its sources, or by a republish. Break that loop",
				s.config.Stream, m.seq, IDHeader, m.Headers().Get(IDHeader), s.output.stream, s.config.Stream))
		}
		c, err := s.copy(m)
		if errors.Is(err, errTooLarge) && !asked { // the limit may have been raised since
			if _, _, err := s.output.read(ctx); err != nil && !errors.Is(err, errNoEvidence) {
				return nil, nil, err
			}
			asked = true
			c, err = s.copy(m)
		}
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

// own tells whether m is a copy of this stamper's that has come back: its sequences
// are of this source, and it came through this consumer.
func (s *Stamper) own(m *message) bool {
	header := m.Headers()
	return header.Get(StamperHeader) == s.config.Consumer && header.Get(SourceMadeHeader) == utc(s.at.made)
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
	// What the server takes of anybody may change with a reload, or with the server.
	if size, most := c.Size()+idRoom, min(s.output.maxSize, int(s.js.Conn().MaxPayload())); size > most {
		return nil, fmt.Errorf("%w: with its new headers it would have %d bytes, and %s takes %d (its max_msg_size, or max_payload of the nats-server)", errTooLarge, size, s.output.stream, most)
	}
	return c, nil
}
