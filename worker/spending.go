package worker

import "time"

// How long a worker that has to refuse requests stays in the queue group for the
// sake of weak ids in memory: while some are asked for, and no longer than hot
// keys' segments last. Another worker may be better off.
const (
	spendingIdle = time.Second
	spendingMax  = 15 * time.Second
)

// spending watches whether weak ids in memory are issued. While the Counter is
// out of reach, no others are.
type spending struct {
	failing time.Time // when the Counter was first found out of reach; zero: it is not
	issued  int64     // ids, when we last looked
	used    time.Time // when some were last issued
}

// look takes how many ids have been issued so far.
func (s *spending) look(issued int64, now time.Time) {
	if s.failing.IsZero() {
		s.failing = now
	}
	if issued != s.issued {
		s.issued, s.used = issued, now
	}
}

func (s *spending) goesOn(now time.Time) bool {
	return now.Sub(s.used) < spendingIdle && now.Sub(s.failing) < spendingMax
}
