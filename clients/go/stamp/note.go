package stamp

import (
	"context"
	"fmt"
	"maps"

	"github.com/nats-io/nats.go/jetstream"
)

// noteKey names the consumer's metadata that hold a position: what the output's
// last sequence was, and the source message in it. It matters only when the
// output stream has lost its last message, as by max_age, and says something
// only if that stream's last sequence is still the same: an old note does no harm.
const noteKey = "seqd-position"

func (p position) note() string { return fmt.Sprintf("%d %d", p.last, p.source) }

// note keeps a position in the consumer's metadata.
func (s *source) note(ctx context.Context, at position) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	config, err := s.configuration(ctx)
	if err != nil {
		return err
	}
	config.Metadata = maps.Clone(config.Metadata)
	if config.Metadata == nil {
		config.Metadata = map[string]string{}
	}
	config.Metadata[noteKey] = at.note()
	_, err = s.js.UpdateConsumer(ctx, s.stream, config)
	return err
}

// noted returns the position in the consumer's metadata, or the zero position.
func (s *source) noted(ctx context.Context) (at position, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	config, err := s.configuration(ctx)
	if err != nil {
		return at, err
	}
	if _, err := fmt.Sscanf(config.Metadata[noteKey], "%d %d", &at.last, &at.source); err != nil {
		return position{}, nil // none, or not ours: nothing is known
	}
	return at, nil
}

func (s *source) configuration(ctx context.Context) (jetstream.ConsumerConfig, error) {
	info, err := s.consumer.Info(ctx)
	if err != nil {
		return jetstream.ConsumerConfig{}, fmt.Errorf("look at consumer %s of %s: %w", s.name, s.stream, err)
	}
	return info.Config, nil
}
