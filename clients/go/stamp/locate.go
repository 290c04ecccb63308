package stamp

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// noteEvery is how often the position is noted while there is nothing to do.
const noteEvery = time.Minute

// locate asks the output stream how far it has come, unless that is known.
func (s *Stamper) locate(ctx context.Context) error {
	if s.at != nil && !s.stale {
		return nil
	}
	at, err := s.output.read(ctx)
	if errors.Is(err, errNoEvidence) {
		at.source, err = s.infer(ctx, at.last)
	}
	if err != nil {
		return err
	}
	news := s.at == nil || *s.at != at
	s.at, s.stale = &at, false
	s.stats.source.Store(int64(at.source))
	if news {
		s.config.Log.Info("going on after the output stream's last message", "stream", s.output.stream, "last", at.last, "source_seq", at.source)
	}
	return nil
}

// infer finds out which source message was stamped last when the output's last
// message, which says so, has expired or was removed. Its sequence stays known;
// who remembers what that message was has the answer.
func (s *Stamper) infer(ctx context.Context, last uint64) (uint64, error) {
	if s.at != nil && s.at.last == last {
		return s.at.source, nil
	}
	noted, err := s.source.noted(ctx)
	if err != nil {
		return 0, gone(err)
	}
	if noted.last == last {
		return noted.source, nil
	}
	return 0, stop(fmt.Errorf("can't tell up to which message %s is stamped: the output stream's last message (%s, sequence %d), which would tell, is gone, and the stamper was killed before it could note it down. "+
		"Look for the last one that was stamped (header Nats-Msg-Id) where the output is consumed, then: nats consumer rm %s %s -f, and start with --start-seq one above it. Let %s keep messages for longer than a stamper may be down",
		s.config.Stream, s.output.stream, last, s.config.Stream, s.config.Consumer, s.output.stream))
}

// remember notes the position down if the last note is old enough, or always.
func (s *Stamper) remember(ctx context.Context, always bool) {
	if s.at == nil || s.stale || s.at.last == s.noted || // what is stale is not worth a note
		!always && time.Since(s.notedAt) < noteEvery {
		return
	}
	s.notedAt = time.Now()
	if err := s.source.note(ctx, *s.at); err != nil {
		s.config.Log.Warn("the position could not be noted in the consumer's metadata; it is needed only if the output stream loses its last message", "err", err)
		return
	}
	s.noted = s.at.last
}

// split divides a batch, which is in order, into what the output shows to be
// published and what is not.
func (s *Stamper) split(batch []message) (published, fresh []message, err error) {
	n := 0
	for n < len(batch) && batch[n].seq <= s.at.source {
		// A source stream that was made anew, or put back to an older state, counts
		// from there again: other messages have these sequences now.
		if m := batch[n]; !s.at.stored.IsZero() && m.stored.After(s.at.stored.Add(clockSlack)) {
			return nil, nil, stop(fmt.Errorf("%s:%d was stored at %v, after %s:%d, the last one in the output stream %s (%v): the source stream was made anew or restored, and its sequences began again. "+
				"Stamp it into another output stream, or empty this one with: nats stream purge %s -f",
				s.config.Stream, m.seq, m.stored.UTC(), s.config.Stream, s.at.source, s.output.stream, s.at.stored.UTC(), s.output.stream))
		}
		n++
	}
	return batch[:n], batch[n:], nil
}
