package stamper

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// A consumer gives out the messages of the source in their order. It passes over
// those that somebody else has acknowledged, those before the place where somebody
// made it begin, and those that a filter keeps back that it has for a while. What
// follows looks for such messages before anything behind them is published.

// checkFloor looks for messages that are acknowledged and are not stamped.
func (s *Stamper) checkFloor(ctx context.Context, at position, info *jetstream.ConsumerInfo) error {
	if at.source == 0 && info.Config.DeliverPolicy != jetstream.DeliverAllPolicy {
		return nil // it may begin where it likes
	}
	return s.checkGap(ctx, at, info.AckFloor.Stream)
}

// checkBeginning looks into the gap before a batch. Without a filter there is hardly
// ever one. With a filter there is one before most batches, which costs a request
// for each subject of it; so there it is done only for the first batch after the
// position was read, and after the consumer was seen to have another number of
// messages out than the batch has.
//
// Gaps between the messages of a batch need no look: a consumer that begins again at
// its ack floor gives out, too, what somebody else has acknowledged above that.
func (s *Stamper) checkBeginning(ctx context.Context, first uint64, info *jetstream.ConsumerInfo) error {
	if s.begun && len(*s.filters) > 0 {
		return nil
	}
	if s.at.source == 0 && info.Config.DeliverPolicy != jetstream.DeliverAllPolicy {
		return nil // it may begin where it likes
	}
	if err := s.checkGap(ctx, *s.at, first-1); err != nil {
		return err
	}
	s.begun = true
	return nil
}

// checkGap looks for messages behind a position, and up to a sequence up to which
// the consumer gives out none.
func (s *Stamper) checkGap(ctx context.Context, at position, upTo uint64) error {
	if upTo <= at.source {
		return nil
	}
	subjects := *s.filters
	if len(subjects) == 0 {
		subjects = []string{">"}
	}
	for _, subject := range subjects {
		msg, err := nextMessage(ctx, s.js, s.config.Stream, at.source+1, subject)
		if errors.Is(err, errNotStored) {
			continue
		}
		if err != nil {
			return err
		}
		if msg.Seq <= upTo {
			from, consumer := s.config.Stream, s.config.Consumer
			has := fmt.Sprintf("whose last message is %s:%d", from, at.source)
			if at.source == 0 {
				has = "which shows nothing of that stream"
			}
			return doubt(stop(fmt.Errorf("%s:%d is not in the output stream %s, %s, and consumer %s will not give it out: it has passed %s:%d. "+
				"Has the output lost messages, was the consumer made to begin later, or has somebody else acknowledged, perhaps through a consumer of that name in another JetStream domain? "+
				"To stamp from there: nats consumer rm %s %s -f, and start again; to pass over it, start with --start-seq %d",
				from, msg.Seq, s.output.stream, has, consumer, from, upTo, from, consumer, upTo+1)))
		}
	}
	return nil
}
