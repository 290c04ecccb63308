package stamper

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// noteKey names the consumer's metadata that hold a note.
const noteKey = "seqd-position"

// note is a position with when its streams were made, as it is kept in the
// consumer's metadata. It tells where to go on when the output stream has lost
// its last message, as by max_age, and its last sequence is still that of the
// note; and always whether the output stream is the one that the consumer was
// used with. An old note does no harm. Notes of older versions have the two
// sequences only.
type note struct {
	position
	outputMade time.Time // zero: not known
}

func (n note) String() string {
	return fmt.Sprintf("%d %d %d %d %d", n.last, n.source, nanos(n.stored), nanos(n.made), nanos(n.outputMade))
}

// parseNote reads a note. The zero note is none, or not ours.
func parseNote(text string) (n note) {
	var stored, made, outputMade int64
	if found, _ := fmt.Sscanf(text, "%d %d %d %d %d", &n.last, &n.source, &stored, &made, &outputMade); found < 2 {
		return note{}
	}
	n.stored, n.made, n.outputMade = fromNanos(stored), fromNanos(made), fromNanos(outputMade)
	return n
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// note keeps a note in the consumer's metadata.
func (s *source) note(ctx context.Context, n note) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	info, err := s.info(ctx)
	if err != nil {
		return err
	}
	info.Config.Metadata = maps.Clone(info.Config.Metadata)
	if info.Config.Metadata == nil {
		info.Config.Metadata = map[string]string{}
	}
	info.Config.Metadata[noteKey] = n.String()
	_, err = s.js.UpdateConsumer(ctx, s.stream, info.Config)
	return err
}

func (s *source) info(ctx context.Context) (*jetstream.ConsumerInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	consumer, err := s.js.Consumer(ctx, s.stream, s.name)
	if err != nil {
		return nil, s.gone(fmt.Errorf("look at consumer %s of %s: %w", s.name, s.stream, err))
	}
	return consumer.CachedInfo(), nil
}
