package faults

import (
	"fmt"
	"time"
)

// restoreEvery says which round of a soak is a restore: each one that it divides.
// It is a round of its own, between two in which all is well: an operator who
// restores a backup sees to it that nothing else is wrong.
const restoreEvery = 20

// restore takes etcd back to a backup that is some seconds old. No worker may issue
// an id until the counters are raised.
func (s *soak) restore() error {
	begin := time.Now()
	file := s.etcd.backup(s, s.dir)
	s.during(3 * time.Second) // ids are issued that would come again, and every worker hears of later revisions
	// All workers leave at once. What is on its way to them from the other nats-server
	// may then find nobody, and NATS tells nobody.
	end := s.losing()
	s.etcd.kill()
	s.etcd.restore(s, file)
	s.etcd.start(s)
	for _, w := range s.workers {
		if !w.within(time.Duration(float64(10*time.Second)*max(1, crowd())), false) {
			return fmt.Errorf("%s goes on after etcd went back in time", w.name)
		}
	}
	end()
	s.during(time.Second) // answers that were on their way
	before := s.answered()
	s.during(2 * time.Second)
	for key, n := range s.answered() {
		if n > before[key] {
			return fmt.Errorf("%v: %d ids of a counter that went back", key, n-before[key])
		}
	}
	s.bills.forget()
	s.jump()
	for _, key := range s.keys {
		s.raised[key] += jump
	}
	s.lives += len(s.workers) // what they had in memory is given up, as if they had ended
	s.owners.again()
	s.spoilt += time.Since(begin)
	s.counts[restored]++
	return nil
}

const restored = "backup restored"

// forget says that etcd may have lost the answers of before.
func (b *bills) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.era++
}
