package stamper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// Waits between rounds that fail.
const (
	minWait = 20 * time.Millisecond
	maxWait = 3 * time.Second // below the pin's TTL, so that a stamper in trouble does not lose it for that
)

// Run stamps until ctx ends or it can't go on. When ctx ends it finishes the
// batch that is under way, acknowledges it, and returns nil. It is for one call.
//
// What may pass by itself (no worker, no etcd, no NATS, a stream that is full)
// is tried again for ever, with the same ids, and logged. It returns an error for
// what does not: ErrBadMessage, an id request that is refused for good
// (seqd.ErrBadRequest, seqd.ErrExhausted), a consumer or a stream that is gone or
// not the one that it was, a consumer that was edited or has passed over messages, a
// publish that would be refused again, missing permissions, a stranger's message in
// the output stream, messages of the output that come back.
func (s *Stamper) Run(ctx context.Context) error {
	defer s.leave()
	wait := time.Duration(0)
	var doubted time.Time // since when; zero: not
	for ctx.Err() == nil {
		before := s.js.Conn().LastError()
		err := s.round(ctx)
		if err != nil {
			err = s.denied(before, err)
		}
		var end stopError
		var unsure doubtError
		if !errors.As(err, &unsure) {
			doubted = time.Time{}
		} else if doubted.IsZero() {
			doubted = time.Now()
		}
		switch {
		case err == nil:
			wait = 0
			continue
		case unsure.err != nil && time.Since(doubted) >= s.doubtTime:
			return fmt.Errorf("stamp: %w", unsure.err)
		case errors.As(err, &end):
			return fmt.Errorf("stamp: %w", err)
		case ctx.Err() != nil:
			return nil
		default:
			wait = min(max(2*wait, minWait), maxWait)
		}
		s.stats.failures.Add(1)
		s.config.Log.Warn("starting over from the output stream's last message", "err", err, "wait", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return nil
}

// round fetches one batch and stamps it. After an error nothing that is in
// memory is believed: the next round asks the output stream how far it has come,
// and the consumer for all that is not acknowledged.
func (s *Stamper) round(ctx context.Context) error {
	if err := s.locate(ctx); err != nil {
		return err
	}
	from := s.source.made
	batch, err := s.source.fetch(ctx, min(cmp.Or(s.most, s.config.Batch), s.config.Batch))
	if err != nil {
		s.stale = true
		return s.pullFailed(ctx, err)
	}
	if len(batch) == 0 {
		if ctx.Err() != nil {
			return nil
		}
		s.remember(ctx, false)
		return s.look(ctx)
	}
	s.config.Log.Debug("batch", "n", len(batch), "first", batch[0].seq, "last", batch[len(batch)-1].seq)
	if s.source.pin != s.pin { // another stamper may have been at work since, or the consumer is another one
		s.pin, s.stale = s.source.pin, true
	}
	// From here on the batch is finished even if ctx ends; each call has its own
	// timeout.
	ctx = context.WithoutCancel(ctx)
	if err := s.stamp(ctx, batch, from); err != nil {
		s.stale = true
		var end stopError
		if !errors.As(err, &end) {
			err = errors.Join(err, s.source.rewind(ctx))
		}
		return err
	}
	return nil
}

// stamp publishes and acknowledges a batch of the consumer that was made at from.
// It goes with its stream: if it is the same one still, that one is as well, and
// the batch is of the stream that the position was held against. The guarantees
// rest on the order of the steps:
//
//  1. The output's position is known before ids are asked for, so that in STRONG
//     they are greater than all ids up to there.
//  2. What the output shows to be published is acknowledged, and dropped.
//  3. The rest is published only if the consumer had given out nothing else that
//     was not acknowledged when it was asked, after it gave out the batch. As what
//     is acknowledged is published, nothing that belongs before it is missing; and
//     if somebody else has acknowledged, a message before it is found that is not.
//     What it gives out later comes behind, or is in the batch.
//  4. It is published on condition that the position has not changed since (1).
//  5. It is acknowledged once it is published.
func (s *Stamper) stamp(ctx context.Context, batch []message, from time.Time) error {
	if err := s.locate(ctx); err != nil {
		return err
	}
	info, err := s.source.info(ctx)
	if err != nil {
		return err
	}
	if !info.Created.Equal(from) {
		return fmt.Errorf("consumer %s of %s was made anew, perhaps with its stream", s.config.Consumer, s.config.Stream)
	}
	if err := s.stillFits(info); err != nil {
		return stop(err)
	}
	published, fresh, err := s.split(batch)
	if err != nil {
		return err
	}
	if len(published) > 0 {
		if err := s.source.settle(ctx, published); err != nil {
			return err
		}
		s.stats.duplicates.Add(int64(len(published)))
	}
	if len(fresh) == 0 {
		return nil
	}
	if info.NumAckPending != len(batch) {
		s.stats.rewinds.Add(1)
		s.begun = false
		s.config.Log.Debug("messages are with somebody else or lost on the way: asking for them again")
		return s.source.rewind(ctx)
	}
	if err := s.checkBeginning(ctx, fresh[0].seq, info); err != nil {
		return err
	}
	fresh, out, bad := s.prepare(ctx, fresh)
	if len(out) > 0 {
		if err := s.number(ctx, fresh, out); err != nil {
			return refused(err)
		}
		last, err := s.output.publish(ctx, s.at.last, out)
		if err != nil {
			switch {
			case errors.Is(err, errConflict):
				s.stats.conflicts.Add(1)
			case errors.Is(err, errFull): // some of them may find room
				s.most = max(len(out)/2, 1)
			}
			return err
		}
		if s.most *= 2; s.most >= s.config.Batch {
			s.most = 0
		}
		s.stats.stamped.Add(int64(len(out)))
		s.at.last = last
		s.published(last, fresh)
	}
	if len(fresh) > 0 {
		end := fresh[len(fresh)-1]
		s.countLost(fresh)
		s.at.source, s.at.stored = end.seq, end.stored
		s.stats.source.Store(int64(end.seq))
		if len(out) < len(fresh) { // the output does not tell of those that are passed over
			s.remember(ctx, true)
		}
		if err := s.source.settle(ctx, fresh); err != nil {
			return err
		}
		s.stats.skipped.Add(int64(len(fresh) - len(out)))
	}
	return bad
}

// countLost counts the messages before and between those of a batch that the source
// no longer has: it has dropped them, or somebody has removed them. Behind a filter
// nobody can tell them from those that were never meant.
func (s *Stamper) countLost(batch []message) {
	first, last := s.at.source+1, batch[len(batch)-1].seq
	if s.at.source == 0 { // what was before its beginning is none of its business
		first = batch[0].seq
	}
	lost := int64(last-first) + 1 - int64(len(batch))
	if lost == 0 || !s.dense || len(*s.filters) > 0 {
		return
	}
	s.stats.lost.Add(lost)
	if time.Since(s.lostSaid) < noteEvery {
		return
	}
	s.lostSaid = time.Now()
	s.config.Log.Warn("the source stream has lost messages before they were stamped: purged, removed, or dropped by its limits",
		"stream", s.config.Stream, "n", lost, "from_seq", first, "to_seq", last, "in_all", s.stats.lost.Load())
}

// leave notes how far it came, and lets a stamper that stands by go on at once.
func (s *Stamper) leave() {
	s.remember(context.Background(), true)
	if err := s.source.unpin(context.Background()); err != nil {
		s.config.Log.Debug("the consumer stays pinned until its pin expires", "err", err)
	}
}
