package etcd

// queue holds the swaps that are due, in the order they came. txns.mu guards it.
type queue struct {
	first, last *swap
	len         int
}

func (q *queue) push(s *swap) {
	s.next = nil
	if q.last == nil {
		q.first = s
	} else {
		q.last.next = s
	}
	q.last = s
	q.len++
}

// pop takes the first swap of a queue that is not empty.
func (q *queue) pop() *swap {
	s := q.first
	q.first, s.next = s.next, nil
	if q.first == nil {
		q.last = nil
	}
	q.len--
	return s
}

// unpop puts s back to the front.
func (q *queue) unpop(s *swap) {
	s.next, q.first = q.first, s
	if q.last == nil {
		q.last = s
	}
	q.len++
}
