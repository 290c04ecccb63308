package stamper

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// message is a source message with what its acknowledgement subject says of it.
// It is the jetstream.Msg that a Key function gets.
type message struct {
	msg    *nats.Msg
	meta   *jetstream.MsgMetadata
	seq    uint64    // in the source stream
	stored time.Time // when the source stream stored it
	bad    error     // why it can't be stamped, or nil
}

var _ jetstream.Msg = (*message)(nil)

func newMessage(msg *nats.Msg) (message, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return message{}, err
	}
	return message{
		msg: msg,
		meta: &jetstream.MsgMetadata{
			Sequence:     jetstream.SequencePair{Consumer: meta.Sequence.Consumer, Stream: meta.Sequence.Stream},
			NumDelivered: meta.NumDelivered,
			NumPending:   meta.NumPending,
			Timestamp:    meta.Timestamp,
			Stream:       meta.Stream,
			Consumer:     meta.Consumer,
			Domain:       meta.Domain,
		},
		seq:    meta.Sequence.Stream,
		stored: meta.Timestamp,
	}, nil
}

func (m *message) Metadata() (*jetstream.MsgMetadata, error) { return m.meta, nil }
func (m *message) Data() []byte                              { return m.msg.Data }
func (m *message) Headers() nats.Header                      { return m.msg.Header }
func (m *message) Subject() string                           { return m.msg.Subject }
func (m *message) Reply() string                             { return m.msg.Reply }

// errNotYours is what a Key function gets that wants to acknowledge.
var errNotYours = errors.New("stamp: the stamper acknowledges messages, a Key function does not")

func (m *message) Ack() error                       { return errNotYours }
func (m *message) DoubleAck(context.Context) error  { return errNotYours }
func (m *message) Nak() error                       { return errNotYours }
func (m *message) NakWithDelay(time.Duration) error { return errNotYours }
func (m *message) InProgress() error                { return errNotYours }
func (m *message) Term() error                      { return errNotYours }
func (m *message) TermWithReason(string) error      { return errNotYours }
