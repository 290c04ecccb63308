package stamp

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
	Failures   int64 // rounds that failed and were started over
	Conflicts  int64 // of these, those because somebody else had written to the output stream
	Rewinds    int64 // times the consumer was asked to give out unacknowledged messages again
	Source     int64 // sequence of the last source message that is dealt with
}

// counters are Stats while they change: written by Run, read by anybody.
type counters struct {
	stamped, duplicates, skipped, failures, conflicts, rewinds, source atomic.Int64
}

// Stats returns the counts. It is safe for concurrent use.
func (s *Stamper) Stats() Stats {
	c := &s.stats
	return Stats{
		Stamped:    c.stamped.Load(),
		Duplicates: c.duplicates.Load(),
		Skipped:    c.skipped.Load(),
		Failures:   c.failures.Load(),
		Conflicts:  c.conflicts.Load(),
		Rewinds:    c.rewinds.Load(),
		Source:     c.source.Load(),
	}
}

// Lag asks the consumer how many messages are not dealt with: those that wait in
// the source, and those that were given out and are not acknowledged. It is safe
// for concurrent use.
func (s *Stamper) Lag(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	info, err := s.source.consumer.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("look at consumer %s of %s: %w", s.config.Consumer, s.config.Stream, err)
	}
	return int64(info.NumPending) + int64(info.NumAckPending), nil
}

// Output returns the name of the output stream.
func (s *Stamper) Output() string { return s.output.stream }
