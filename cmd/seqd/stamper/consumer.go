package stamper

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// PriorityGroup is the consumer's priority group: the server gives messages to
// one member of it at a time.
const PriorityGroup = "seqd"

// Settings of a consumer that the stamper makes.
const (
	// pinnedTTL is how long a stamper may send no pull before another one takes
	// its place.
	pinnedTTL     = 10 * time.Second
	ackWait       = 30 * time.Second
	maxAckPending = 4 * MaxBatch
)

// openConsumer checks the durable consumer, and makes it if it is missing.
func (s *Stamper) openConsumer(ctx context.Context, source *jetstream.StreamInfo) error {
	consumer, err := s.js.Consumer(ctx, s.config.Stream, s.config.Consumer)
	switch {
	case err == nil:
		return s.checkConsumer(consumer.CachedInfo())
	case !errors.Is(err, jetstream.ErrConsumerNotFound):
		return fmt.Errorf("look at consumer %s of %s: %w", s.config.Consumer, s.config.Stream, err)
	}
	config := jetstream.ConsumerConfig{
		Durable:        s.config.Consumer,
		Description:    "seqd stamp: stream " + s.config.Stream + " to " + s.output.stream,
		AckPolicy:      jetstream.AckExplicitPolicy,
		AckWait:        ackWait,
		MaxDeliver:     -1,
		MaxAckPending:  maxAckPending,
		FilterSubjects: s.config.Filters,
		PriorityPolicy: jetstream.PriorityPolicyPinned,
		PriorityGroups: []string{PriorityGroup},
		PinnedTTL:      pinnedTTL,
	}
	start, noted, err := s.startSeq(ctx)
	if err != nil {
		return err
	}
	config.Metadata = map[string]string{noteKey: noted.String()}
	if start > 1 && source.Config.Retention != jetstream.WorkQueuePolicy { // which allows no start
		config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, start
	}
	// CreateConsumer, unlike CreateOrUpdate, changes none that another stamper has
	// just made; it accepts an equal one.
	if _, err = s.js.CreateConsumer(ctx, s.config.Stream, config); err != nil {
		return fmt.Errorf("make consumer %s of %s: %w", s.config.Consumer, s.config.Stream, err)
	}
	s.config.Log.Info("consumer made", "stream", s.config.Stream, "consumer", s.config.Consumer, "start_seq", max(start, 1))
	return nil
}

// startSeq returns the first source sequence that a new consumer is to deliver,
// 0 for all, and what it notes.
func (s *Stamper) startSeq(ctx context.Context) (start uint64, noted note, err error) {
	at, outputMade, err := s.output.read(ctx)
	switch {
	case errors.Is(err, errNoEvidence) && s.config.StartSeq == 0:
		return 0, note{}, fmt.Errorf("the output stream %s has had messages (up to sequence %d), but its last one, which tells what is already stamped, is gone, and there is no consumer %s: say which source sequence to begin with (--start-seq), 1 for all",
			s.output.stream, at.last, s.config.Consumer)
	case err != nil && !errors.Is(err, errNoEvidence):
		return 0, note{}, err
	}
	if at.made, err = s.checkSource(ctx, at); err != nil {
		return 0, note{}, err
	}
	start = s.config.StartSeq
	if at.source > 0 {
		start = max(at.source+1, start)
	}
	if passed := max(start, 1) - 1; passed != at.source { // the time is of the message before
		at.source, at.stored = passed, time.Time{}
	}
	return start, note{at, outputMade}, nil
}

// checkConsumer refuses a consumer with which a guarantee would not hold.
func (s *Stamper) checkConsumer(info *jetstream.ConsumerInfo) error {
	has, c := info.Config, s.config
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if has.DeliverSubject != "" {
		complain("it is a push consumer, and must be a pull consumer")
	}
	if has.Durable == "" {
		complain("it is not durable")
	}
	if has.AckPolicy != jetstream.AckExplicitPolicy {
		complain("its ack policy is %v, and must be explicit", has.AckPolicy)
	}
	if has.MaxDeliver > 0 {
		complain("it gives up a message after %d deliveries; max deliver must be -1", has.MaxDeliver)
	}
	if has.PriorityPolicy != jetstream.PriorityPolicyPinned || !slices.Contains(has.PriorityGroups, PriorityGroup) {
		complain("it may give messages to several clients at a time; its priority policy must be pinned_client, with the group %s", PriorityGroup)
	}
	if has.MaxAckPending > 0 && has.MaxAckPending < c.Batch {
		complain("its max ack pending, %d, is below the batch, %d", has.MaxAckPending, c.Batch)
	}
	if has.MaxRequestBatch > 0 && has.MaxRequestBatch < c.Batch {
		complain("its max pull batch, %d, is below the batch, %d", has.MaxRequestBatch, c.Batch)
	}
	if has.MaxRequestExpires > 0 && has.MaxRequestExpires < pullWait {
		complain("its max pull expire, %v, is below %v", has.MaxRequestExpires, pullWait)
	}
	if most := s.source.maxBytes(); has.MaxRequestMaxBytes > 0 && has.MaxRequestMaxBytes < most {
		complain("its max pull bytes, %d, are below %d", has.MaxRequestMaxBytes, most)
	}
	if has.HeadersOnly {
		complain("it delivers headers only")
	}
	if filters := filters(has); len(c.Filters) > 0 && !slices.Equal(filters, slices.Sorted(slices.Values(c.Filters))) {
		complain("its filter is %q, not %q", filters, c.Filters)
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("consumer %s of stream %s can't be used: %s. Remove it with: nats consumer rm %s %s -f; one that fits is then made, which goes on after the last message in the output stream",
		info.Name, info.Stream, strings.Join(wrong, "; "), info.Stream, info.Name)
}

// stillFits refuses a consumer that has been edited, or is another one, so that a
// guarantee would not hold any more.
func (s *Stamper) stillFits(info *jetstream.ConsumerInfo) error {
	if err := s.checkConsumer(info); err != nil {
		return err
	}
	has := filters(info.Config)
	if s.filters == nil {
		s.filters = &has
	}
	if slices.Equal(has, *s.filters) {
		return nil
	}
	return fmt.Errorf("the filter of consumer %s of stream %s was changed from %q to %q while messages were stamped through it. To go on with it as it is now, start again. "+
		"To go on as before: nats consumer rm %s %s -f, and start again, with --filter if there was one; a consumer is then made that goes on after the last message in the output stream",
		info.Name, info.Stream, *s.filters, has, info.Stream, info.Name)
}

func filters(c jetstream.ConsumerConfig) []string {
	if c.FilterSubject != "" {
		return []string{c.FilterSubject}
	}
	return slices.Sorted(slices.Values(c.FilterSubjects))
}
