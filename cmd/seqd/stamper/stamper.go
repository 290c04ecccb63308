package stamper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	seqd "github.com/seqd-io/seqd/clients/go"
)

// ErrBadMessage is returned by Run when a message can't be stamped and
// Config.SkipBad is not set. What came before it is published.
var ErrBadMessage = errors.New("a message can't be stamped")

// Stamper numbers the messages of one consumer. Create it with [New]; any
// number of them may run on the same consumer, of which one at a time works and
// the others stand by.
type Stamper struct {
	js       jetstream.JetStream
	client   *seqd.Client
	config   Config
	template *Template
	source   source
	dense    bool // the source has all sequences, but those of messages that were removed
	output   output

	// Run's alone:
	at      *position // what was last known of the output; nil: nothing
	stale   bool      // at must be read again before anything is published
	pin     string    // under which the consumer gave out the last batch
	most    int       // messages to publish at a time, since the output had no room for more; 0: a batch
	drawn   drawn
	noted   note // what was last noted in the consumer
	notedAt time.Time

	lostSaid time.Time // when it was last said that messages are lost
	begun    bool      // the gap before a batch was looked into since then
	filters  *[]string // the consumer's when it was first looked at; nil: not yet
	lookedAt time.Time // at the consumer, while it gave out nothing
	paused   bool      // the consumer was, then

	doubtTime time.Duration

	stats counters
}

// New checks the streams and the consumer, which it makes if it is missing. It
// blocks until that is done or ctx ends.
//
// It takes the consumer's name and not a jetstream.Consumer: the guarantees rest
// on how the consumer is configured, on being the client that it is pinned to,
// and on resetting it.
//
// js and client may share a connection, which stays the caller's; it should be
// made with seqd.ConnectOptions. An error says what to change.
func New(ctx context.Context, js jetstream.JetStream, client *seqd.Client, config Config) (*Stamper, error) {
	if err := config.settle(); err != nil {
		return nil, err
	}
	template, err := ParseTemplate(config.To)
	if err != nil {
		return nil, fmt.Errorf("stamp: %w", err)
	}
	s := &Stamper{js: js, client: client, config: config, template: template, doubtTime: doubtTime}
	before := js.Conn().LastError()
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("stamp: %w", s.denied(before, err))
	}
	return s, nil
}

// open looks at the streams and the consumer.
func (s *Stamper) open(ctx context.Context) error {
	from, err := s.openSource(ctx)
	if err != nil {
		return err
	}
	out, err := s.openOutput(ctx, from)
	if err != nil {
		return err
	}
	s.output = output{js: s.js, stream: out.Config.Name, source: s.config.Stream, consumer: s.config.Consumer}
	s.output.limit(out.Config)
	if s.output.domain, err = domainOf(ctx, s.js, out.Config.Name); err != nil {
		return err
	}
	s.dense = from.Config.Mirror == nil || from.Config.Mirror.FilterSubject == "" && len(from.Config.Mirror.SubjectTransforms) == 0
	s.source = source{js: s.js, stream: s.config.Stream, name: s.config.Consumer}
	return s.openConsumer(ctx, from)
}
