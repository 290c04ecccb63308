package stamper

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How often something is done while there is nothing to stamp.
const (
	noteEvery = time.Minute      // the position is noted
	lookEvery = 10 * time.Second // the consumer is looked at
)

// locate asks the output stream how far it has come, unless that is known, and
// whether streams and consumer are still those that this is told of.
//
// The consumer is asked first: what it shows to be noted or acknowledged is in the
// output by the time that this one is asked.
func (s *Stamper) locate(ctx context.Context) error {
	if s.at != nil && !s.stale {
		return nil
	}
	info, err := s.source.info(ctx)
	if err != nil {
		return err
	}
	if err := s.stillFits(info); err != nil {
		return stop(err)
	}
	noted := parseNote(info.Config.Metadata[noteKey])
	at, outputMade, err := s.output.read(ctx)
	if err != nil && !errors.Is(err, errNoEvidence) {
		return err
	}
	if err := s.checkOutput(at, outputMade, noted); err != nil {
		return err
	}
	if err != nil {
		if at, err = s.infer(at.last, noted); err != nil {
			return err
		}
	}
	made, err := s.checkSource(ctx, at)
	if err != nil {
		return err
	}
	if noted.last == at.last && noted.source > at.source { // it knows of messages that were passed over, too
		at.source, at.stored = noted.source, noted.stored
	}
	if err := s.checkFloor(ctx, at, info); err != nil {
		return err
	}
	news := s.at == nil || s.at.last != at.last || s.at.source != at.source
	at.made = made
	s.at, s.stale, s.begun = &at, false, false
	s.source.made, s.output.made = info.Created, outputMade
	s.noted = noted
	s.stats.source.Store(int64(at.source))
	if news {
		s.config.Log.Info("going on after the output stream's last message", "stream", s.output.stream, "last", at.last, "source_seq", at.source)
	}
	if noted.outputMade.IsZero() { // made by hand, or by an older version
		s.remember(ctx, true)
	}
	return nil
}

// infer finds out which source message was stamped last when the output's last
// message, which says so, has expired or was removed. Its sequence stays known;
// who remembers what that message was has the answer.
func (s *Stamper) infer(last uint64, noted note) (position, error) {
	if s.at != nil && s.at.last == last {
		return *s.at, nil
	}
	if noted.last == last {
		return noted.position, nil
	}
	return position{}, stop(fmt.Errorf("can't tell up to which message %s is stamped: the output stream's last message (%s, sequence %d), which would tell, is gone, and the stamper was killed before it could note it down. "+
		"Look for the last one that was stamped (header Nats-Msg-Id) where the output is consumed, then: nats consumer rm %s %s -f, and start with --start-seq one above it. Let %s keep messages for longer than a stamper may be down",
		s.config.Stream, s.output.stream, last, s.config.Stream, s.config.Consumer, s.output.stream))
}

// look looks at the consumer while it gives out nothing: it may have been edited,
// or paused.
func (s *Stamper) look(ctx context.Context) error {
	if time.Since(s.lookedAt) < lookEvery {
		return nil
	}
	info, err := s.source.info(ctx)
	if err != nil {
		return err
	}
	s.lookedAt = time.Now()
	if err := s.stillFits(info); err != nil {
		return stop(err)
	}
	if info.Paused && !s.paused {
		s.config.Log.Warn("the consumer is paused: nothing is stamped until it is resumed, with: nats consumer resume "+s.config.Stream+" "+s.config.Consumer,
			"remaining", info.PauseRemaining.Round(time.Second))
	}
	s.paused = info.Paused
	return nil
}

// remember notes the position down if the last note is old enough, or always.
func (s *Stamper) remember(ctx context.Context, always bool) {
	if s.at == nil || s.stale { // what is stale is not worth a note
		return
	}
	now := note{position: *s.at, outputMade: s.output.made}
	if now.String() == s.noted.String() || !always && time.Since(s.notedAt) < noteEvery {
		return
	}
	s.notedAt = time.Now()
	if err := s.source.note(ctx, now); err != nil {
		s.config.Log.Warn("the position could not be noted in the consumer's metadata; it is needed only if the output stream loses its last message", "err", err)
		return
	}
	s.noted = now
}

// split divides a batch, which is in order, into what the output shows to be
// published and what is not.
func (s *Stamper) split(batch []message) (published, fresh []message, err error) {
	n := 0
	for n < len(batch) && batch[n].seq <= s.at.source {
		// In a source stream that was put back to an older state other messages have
		// these sequences now.
		if m := batch[n]; !s.at.stored.IsZero() && m.stored.After(s.at.stored.Add(clockSlack)) {
			return nil, nil, s.sourceChanged(*s.at, fmt.Sprintf("%s:%d was stored at %v", s.config.Stream, m.seq, utc(m.stored)))
		}
		n++
	}
	return batch[:n], batch[n:], nil
}
