package stamper

import "time"

// Covers is covers.
func Covers(stream, pattern string) bool { return covers(stream, pattern) }

// SetDoubtTime is for before Run.
func (s *Stamper) SetDoubtTime(d time.Duration) { s.doubtTime = d }
