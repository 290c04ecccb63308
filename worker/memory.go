package worker

import "time"

// How long a worker that has to refuse requests stays in the queue group for the
// sake of weak ids in memory: while some are asked for, and no longer than hot
// keys' segments last. Another worker may be better off.
const (
	memoryIdle = time.Second
	memoryMax  = 15 * time.Second
)

// memory watches whether weak ids in memory are of use. While the Counter is out
// of reach, no others are issued.
type memory struct {
	failing time.Time // when the Counter was first found out of reach; zero: it is not
	issued  int64     // ids, when we last looked
	used    time.Time // when some were last issued
}

// look takes how many ids have been issued so far.
func (m *memory) look(issued int64, now time.Time) {
	if m.failing.IsZero() {
		m.failing = now
	}
	if issued != m.issued {
		m.issued, m.used = issued, now
	}
}

func (m *memory) ofUse(now time.Time) bool {
	return now.Sub(m.used) < memoryIdle && now.Sub(m.failing) < memoryMax
}
