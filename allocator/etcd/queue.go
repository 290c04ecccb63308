package etcd

// queue holds the swaps that are due: those of a store in the order they came, and the
// stores in turns, one swap each. So who asks for more than etcd can do waits behind
// himself, and not everybody behind him. txns.mu guards it.
//
// Swaps of different stores are of different counters: no promise rests on their order.
type queue struct {
	first, last *turn // stores that have something due, in a ring that is cut open
	turns       map[string]*turn
	spare       *turn // used again: to be alone in the queue costs no allocation
	len         int
}

// turn is what is due of one store, at least one swap.
type turn struct {
	store       string
	first, last *swap
	len         int
	next        *turn
}

func (q *queue) push(s *swap) {
	t := q.turns[s.store]
	if t == nil {
		t = q.open(s.store)
		q.line(t)
	}
	s.next = nil
	if t.last == nil {
		t.first = s
	} else {
		t.last.next = s
	}
	t.last = s
	t.len++
	q.len++
}

// pop takes the first swap of the store whose turn it is, of a queue that is not empty.
func (q *queue) pop() *swap {
	t := q.first
	s := t.first
	t.first, s.next = s.next, nil
	t.len--
	q.len--
	q.first, t.next = t.next, nil
	if q.first == nil {
		q.last = nil
	}
	if t.len == 0 {
		q.close(t)
		return s
	}
	q.line(t)
	return s
}

// line puts t behind all others.
func (q *queue) line(t *turn) {
	if q.last == nil {
		q.first = t
	} else {
		q.last.next = t
	}
	q.last = t
}

// unpop puts s back to the front of its store's, whose turn is next unless more of it is due.
func (q *queue) unpop(s *swap) {
	t := q.turns[s.store]
	if t == nil {
		t = q.open(s.store)
		t.next, q.first = q.first, t
		if q.last == nil {
			q.last = t
		}
	}
	s.next, t.first = t.first, s
	if t.last == nil {
		t.last = s
	}
	t.len++
	q.len++
}

// before returns how many swaps would be sent before another one of a store, if no
// more came.
func (q *queue) before(store string) int {
	own, turns := 0, len(q.turns)
	if t := q.turns[store]; t != nil {
		own = t.len
	} else {
		turns++
	}
	return min(q.len, (own+1)*turns-1)
}

func (q *queue) open(store string) *turn {
	t := q.spare
	if t == nil {
		t = new(turn)
	}
	q.spare = nil
	*t = turn{store: store}
	if q.turns == nil {
		q.turns = map[string]*turn{}
	}
	q.turns[store] = t
	return t
}

func (q *queue) close(t *turn) {
	delete(q.turns, t.store)
	q.spare = t
}
