package etcd

import (
	"context"
	"math"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// Release gives a key back: see allocator.Source. It lowers the mark by rest. That is
// safe because nobody else may reserve ids of the key meanwhile, and because the swap
// fails if somebody has.
func (c *Counter) Release(key allocator.Key, rest allocator.Range) {
	b := c.belief(key)
	if b.rev == 0 || b.owner != c.config.Writer || rest.N > 0 && rest.Last() != b.last {
		c.skipped(key, rest.N, allocator.GapEvicted)
		return
	}
	last := b.last - int64(rest.N)
	periods := c.periods(key)
	if b.last == math.MaxInt64 || periods && b.last&allocator.MaxPeriodID == allocator.MaxPeriodID {
		// An operator can't raise the mark above what is held, and so would not know
		// that none of it is given back afterwards.
		c.skipped(key, rest.N, allocator.GapEvicted)
		last, rest.N = b.last, 0
	}
	c.givesBack(key, last, b.rev)
	c.session.releasing()
	c.txns.start(&swap{
		Swap:  record.Swap{Path: c.Path(key), Rev: b.rev, Value: record.Counter{Last: last, By: c.config.Writer, Periods: periods}.Encode()},
		store: key.Store,
		done: func(out outcome) {
			if out.err == nil && out.Won {
				c.believe(key, belief{last: last, rev: out.Rev, gen: b.gen, spent: last}, b.rev)
			} else {
				c.disbelieve(key, b.rev)
				c.skipped(key, rest.N, allocator.GapEvicted)
			}
			c.session.releaseEnded()
		},
	})
}

func (s *session) releasing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.releases++
}

func (s *session) releaseEnded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.releases--; s.releases == 0 && s.released != nil {
		close(s.released)
		s.released = nil
	}
}

// awaitReleases blocks until no swap is under way that lets go of a key, or ctx
// ends.
func (s *session) awaitReleases(ctx context.Context) error {
	s.mu.Lock()
	if s.releases == 0 {
		s.mu.Unlock()
		return nil
	}
	if s.released == nil {
		s.released = make(chan struct{})
	}
	released := s.released
	s.mu.Unlock()
	select {
	case <-released:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
