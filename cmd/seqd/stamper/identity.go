package stamper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A position is a sequence of a stream, and streams are known by their names: of
// one that was removed and made again, or put back to an older state, the same
// sequence is another message. What follows tells whether streams and consumer
// are still those that a position is of.

// checkSource holds a position against the source stream as it is now, and
// returns when that was made.
func (s *Stamper) checkSource(ctx context.Context, at position) (made time.Time, err error) {
	name := s.config.Stream
	callCtx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	stream, err := s.js.Stream(callCtx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return made, doubt(sourceGone(name))
	}
	if err != nil {
		return made, fmt.Errorf("look at the source stream %s: %w", name, err)
	}
	info := stream.CachedInfo()
	made = info.Created
	if at.source == 0 {
		return made, nil
	}
	if !at.made.IsZero() && !at.made.Equal(made) {
		return made, s.sourceChanged(at, fmt.Sprintf("it was made at %v, and the one that was stamped at %v", utc(made), utc(at.made)))
	}
	begins := at.stored.IsZero() && !at.made.IsZero() // of --start-seq, which may be yet to come
	if info.State.LastSeq < at.source && !begins {
		// A leader that was cut off may not know its last messages.
		return made, doubt(s.sourceChanged(at, fmt.Sprintf("its last message is %s:%d", name, info.State.LastSeq)))
	}
	msg, err := readMessage(ctx, s.js, name, at.source)
	switch {
	case errors.Is(err, errNotStored):
		// Removed since, which says nothing; but a position of a version that did not
		// note when the stream was made is believed only if the stream was there then.
		if at.made.IsZero() && !at.stored.IsZero() && made.After(at.stored) {
			return made, s.sourceChanged(at, fmt.Sprintf("it was made at %v", utc(made)))
		}
		return made, nil
	case err != nil:
		return made, err
	case !at.stored.IsZero() && !msg.Time.Equal(at.stored):
		return made, s.sourceChanged(at, fmt.Sprintf("its message of that sequence was stored at %v", utc(msg.Time)))
	}
	return made, nil
}

// sourceChanged is the error about a source stream that is not the one at is of.
func (s *Stamper) sourceChanged(at position, evidence string) error {
	from, out := s.config.Stream, s.output.stream
	stored := ""
	if !at.stored.IsZero() {
		stored = fmt.Sprintf(", stored at %v", utc(at.stored))
	}
	return stop(fmt.Errorf("the source stream %s was made anew or restored, and its sequences began again: the last message in the output stream %s is %s:%d%s, but of the stream %s. "+
		"Stamp it through another consumer into another output stream; or empty this one, whose messages are lost then, with: nats stream purge %s -f, remove the consumer, if there is one, with: nats consumer rm %s %s -f, and start with --start-seq 1: it goes on once the duplicate window of the output stream has passed",
		from, out, from, at.source, stored, evidence, out, from, s.config.Consumer))
}

// checkOutput holds the output stream as it is now against what is known of it:
// before, or, when the stamper starts, by the note in the consumer.
func (s *Stamper) checkOutput(at position, made time.Time, noted note) error {
	var evidence string
	knownMade, known := noted.outputMade, noted.position
	if s.at != nil {
		knownMade, known = s.output.made, *s.at
	}
	switch {
	case !knownMade.IsZero() && !knownMade.Equal(made):
		evidence = fmt.Sprintf("it was made at %v, and the one that was stamped into at %v", utc(made), utc(knownMade))
	case at.last < known.last:
		evidence = fmt.Sprintf("its last sequence is %d, and was %d", at.last, known.last)
	default:
		return nil
	}
	from, consumer := s.config.Stream, s.config.Consumer
	err := stop(fmt.Errorf("the output stream %s was made anew or restored, or is not the one that consumer %s of %s was used with: %s. "+
		"What is acknowledged, up to %s:%d or later, may not be in it. Choose from where to stamp into it: nats consumer rm %s %s -f, and start with --start-seq N, 1 for all that the source has",
		s.output.stream, consumer, from, evidence, from, known.source, from, consumer))
	if knownMade.IsZero() || knownMade.Equal(made) {
		return doubt(err) // as of the source
	}
	return err
}

func utc(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
