package allocatortest

import (
	"math"

	"github.com/seqd-io/seqd/allocator"
)

// demand is what one advance asks of a Memory.
type demand struct {
	key     allocator.Key
	n       int
	above   int64
	answers []allocator.Answer
}

func (d demand) total() int {
	a := allocator.Advance{N: d.n, Answers: d.answers}
	return a.Total()
}

// recorded names the record of an answer.
type recorded struct {
	key  allocator.Key
	once string
}

// answer is what is recorded of a request that is made once. It is never
// forgotten.
type answer struct {
	ids  allocator.Range
	weak bool
}

// reserve moves the mark, and records the answers. This is the instant at which an
// advance happens.
func (m *Memory) reserve(d demand) (allocator.Range, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range d.answers {
		m.lookUpLocked(d.key, &d.answers[i])
	}
	n, last := d.total(), max(m.marks[d.key], d.above)
	switch {
	case n == 0:
		return allocator.Range{}, nil
	case int64(n) > math.MaxInt64-last:
		return allocator.Range{}, allocator.ErrExhausted
	}
	m.setLocked(d.key, last+int64(n))
	ids := allocator.Range{First: last + 1, N: d.n}
	last += int64(d.n)
	for i := range d.answers {
		a := &d.answers[i]
		if m.lookUpLocked(d.key, a); a.Settled() { // also by one before it here
			continue
		}
		a.IDs = allocator.Range{First: last + 1, N: a.N}
		last = a.IDs.Last()
		if m.answers == nil {
			m.answers = map[recorded]answer{}
		}
		m.answers[recorded{d.key, a.Key}] = answer{a.IDs, a.Weak}
	}
	return ids, nil
}

// lookUpLocked settles a if it has been recorded.
func (m *Memory) lookUpLocked(key allocator.Key, a *allocator.Answer) {
	switch was, ok := m.answers[recorded{key, a.Key}]; {
	case !ok:
	case was.ids.N != a.N || was.weak != a.Weak:
		a.Reused = true
	default:
		a.IDs, a.Replayed = was.ids, true
	}
}
