package allocator

import "time"

// armLocked sees to it that expire looks at k by deadline.
func (s *Strong) armLocked(k *strongKey, deadline time.Time) {
	switch {
	case k.timer == nil:
		k.timer = time.AfterFunc(time.Until(deadline), func() { s.expire(k) })
	case !k.armed || deadline.Before(k.wake):
		k.timer.Reset(time.Until(deadline))
	default:
		return // it wakes early enough, and looks again
	}
	k.wake, k.armed = deadline, true
}

// expire answers k's requests whose deadline has passed, also those in a batch
// under way: their part of the range will be a gap.
func (s *Strong) expire(k *strongKey) {
	now := time.Now()
	s.mu.Lock()
	k.armed = false
	batch, waiting := k.batch.takeExpired(now), k.waiting.takeExpired(now)
	for _, l := range []*line{&k.batch, &k.waiting} {
		if l.count > 0 {
			s.armLocked(k, l.earliest)
		}
	}
	s.mu.Unlock()
	batch.serve(Range{}, ErrExpired)
	waiting.serve(Range{}, ErrExpired)
}
