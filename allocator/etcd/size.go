package etcd

import "time"

const (
	// maxSwaps is how many swaps share a transaction: etcd allows 128
	// operations, and counts one for the outer of nested transactions.
	maxSwaps = 127

	// refusalHolds is how long an etcd is taken to refuse what it once refused. It
	// may be started with another limit, and trying costs some six refusals.
	refusalHolds = time.Minute
)

// size finds out how many swaps etcd takes in a transaction, from what it takes
// and refuses: halfway between the most that it took and the fewest that it
// refused. The zero value stands for maxSwaps, until something is refused. Bytes
// count too, and keys are of different lengths: so what was taken once may be
// refused later, and the search begins anew.
type size struct {
	taken   int       // the most; 0: not known
	refused int       // the fewest; 0: none
	at      time.Time // of the latest refusal
}

// limit returns how many swaps may share the next transaction.
func (s size) limit() int {
	if s.refused == 0 {
		return maxSwaps
	}
	return max(1, (s.taken+s.refused)/2)
}

// took notes that a transaction of n swaps was not too large.
func (s *size) took(n int) { s.taken = max(s.taken, n) }

// tooLarge notes that one was.
func (s *size) tooLarge(n int, now time.Time) {
	s.at = now
	if s.refused == 0 || n < s.refused { // not larger: one that was under way longer
		s.refused = n
	}
	if s.taken >= n {
		s.taken = 0
	}
}

// forget drops a refusal that is old.
func (s *size) forget(now time.Time) {
	if s.refused > 0 && now.Sub(s.at) >= refusalHolds {
		s.refused = 0
	}
}
