package stamper

import (
	"context"
	"fmt"
	"sync/atomic"
)

// Stats counts what a stamper has done since it was made.
type Stats struct {
	Stamped    int64 // messages published with an id
	Duplicates int64 // redelivered messages that were already published; they were acknowledged
	Skipped    int64 // bad messages passed over
	Lost       int64 // messages that the source no longer had when it was their turn, as after a purge; of a consumer without filters
	Failures   int64 // rounds that failed and were started over
	Conflicts  int64 // of these, those because somebody else had written to the output stream
	Rewinds    int64 // times the consumer was asked to give out unacknowledged messages again
	Source     int64 // sequence of the last source message that is dealt with
}

// counters are Stats while they change: written by Run, read by anybody.
type counters struct {
	stamped, duplicates, skipped, lost, failures, conflicts, rewinds, source atomic.Int64
}

// Stats returns the counts. It is safe for concurrent use.
func (s *Stamper) Stats() Stats {
	c := &s.stats
	return Stats{
		Stamped:    c.stamped.Load(),
		Duplicates: c.duplicates.Load(),
		Skipped:    c.skipped.Load(),
		Lost:       c.lost.Load(),
		Failures:   c.failures.Load(),
		Conflicts:  c.conflicts.Load(),
		Rewinds:    c.rewinds.Load(),
		Source:     c.source.Load(),
	}
}

// Lag asks how many messages are not stamped: those that wait in the source, and
// those that were given out, whatever became of them. It is safe for concurrent
// use.
func (s *Stamper) Lag(ctx context.Context) (int64, error) {
	info, err := s.source.info(ctx)
	if err != nil {
		return 0, err
	}
	lag := info.NumPending + uint64(info.NumAckPending)
	if len(filters(info.Config)) > 0 {
		return int64(lag), nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	stream, err := s.js.Stream(ctx, s.config.Stream)
	if err != nil {
		return 0, fmt.Errorf("look at the source stream %s: %w", s.config.Stream, err)
	}
	// What the consumer counts is its own view. A stamper that stands by knows only
	// by the ack floor what the other one has done.
	has := stream.CachedInfo().State
	done := max(uint64(s.stats.source.Load()), info.AckFloor.Stream, max(has.FirstSeq, 1)-1) + uint64(has.NumDeleted)
	if has.LastSeq > done {
		lag = max(lag, has.LastSeq-done)
	}
	return int64(lag), nil
}

// Output returns the name of the output stream.
func (s *Stamper) Output() string { return s.output.stream }
