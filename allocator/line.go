package allocator

import "time"

// line is a queue of requests for one key, in the order they came. The zero
// value is empty. The allocator's lock guards it.
type line struct {
	head, tail *Request
	count      int       // requests
	ids        int       // the sum of their N
	once       int       // the part of it that is of those with a Once
	above      int64     // the greatest of their Above
	direct     bool      // one of them is Direct
	asked      string    // who was asked in vain for the latest of them that says so
	earliest   time.Time // no request's deadline is before this; only while not empty
	latest     time.Time // no request's deadline is after this; only while not empty
	began      time.Time // when the advance began that they are served from; zero: unknown
}

func (l *line) push(r *Request) {
	r.next = nil
	if l.head == nil {
		l.head, l.earliest, l.latest = r, r.Deadline, r.Deadline
	} else {
		l.tail.next = r
	}
	l.tail = r
	l.count++
	l.ids += r.N
	if r.Once != nil {
		l.once += r.N
	}
	l.above = max(l.above, r.Above)
	l.direct = l.direct || r.Direct
	if r.Asked != "" {
		l.asked = r.Asked
	}
	if r.Deadline.Before(l.earliest) {
		l.earliest = r.Deadline
	}
	if r.Deadline.After(l.latest) {
		l.latest = r.Deadline
	}
}

// pop takes the first request off a line that is not empty.
func (l *line) pop() *Request {
	r := l.head
	l.head, r.next = r.next, nil
	l.count--
	l.ids -= r.N
	if r.Once != nil {
		l.once -= r.N
	}
	if l.head == nil {
		*l = line{}
	}
	return r
}

// take empties the line and returns what it held.
func (l *line) take() line {
	all := *l
	*l = line{}
	return all
}

// takeBatch removes the requests that share the next advance: all of them, or the
// first ones, where those that have a Once are too many for one.
func (l *line) takeBatch() (batch line) {
	if l.once <= MaxAnswers { // each has an id at least
		return l.take()
	}
	for answers := 0; l.head != nil; {
		if l.head.Once != nil {
			if answers++; answers > MaxAnswers {
				break
			}
		}
		batch.push(l.pop())
	}
	return batch
}

// takeExpired removes the requests whose deadline is not after now.
func (l *line) takeExpired(now time.Time) (expired line) {
	if l.head == nil || now.Before(l.earliest) {
		return expired
	}
	return l.takeIf(func(r *Request) bool { return !r.Deadline.After(now) })
}

// takeLarge removes the requests that an advance for n ids above that mark would
// have been enough for, and no less.
func (l *line) takeLarge(n int, above int64) (large line) {
	return l.takeIf(func(r *Request) bool { return r.N >= n && r.Above <= above })
}

// takeIf removes the requests that match; both parts keep their order.
func (l *line) takeIf(match func(*Request) bool) (matching line) {
	all := l.take()
	for r := all.head; r != nil; {
		next := r.next
		if match(r) {
			matching.push(r)
		} else {
			l.push(r)
		}
		r = next
	}
	return matching
}

// serve gives every request of the line its part of ids, or err. The
// allocator's lock must not be held, and the line must be the caller's alone.
func (l line) serve(ids Range, err error) { l.serveBoth(nil, ids, err) }

// serveBoth is serve, with the answers of an advance for the requests that have a
// Once.
func (l line) serveBoth(answers []Answer, ids Range, err error) {
	for r := l.head; r != nil; {
		next := r.next // a waiter may use r again at once
		r.next, r.Began = nil, l.began
		if len(answers) > 0 && r.Once != nil {
			a := &answers[r.answer]
			r.Replayed = a.Replayed
			ids, err := a.outcome(err)
			r.Waiter.Allocated(r, ids, err)
		} else if err != nil {
			r.Waiter.Allocated(r, Range{}, err)
		} else {
			r.Waiter.Allocated(r, ids.take(r.N), nil)
		}
		r = next
	}
}
