package seqd

import (
	"sync/atomic"
	"time"
)

// span is a range in stock, of which calls take ids without a lock. The zero
// value is empty.
type span struct {
	taken  atomic.Int64 // ids taken, and what calls wanted that found too few
	n      int64
	before int64    // the id before the first
	_      [40]byte // nothing else that changes often shares the cache line
}

// next takes one id.
//
// taken counts from 0, not from an id: past the end of the range it goes on
// being counted up, which near math.MaxInt64 would wrap an id.
func (s *span) next() (id int64, ok bool) {
	i := s.taken.Add(1)
	return s.before + i, i <= s.n
}

// nextN takes n ids. Where there are fewer, the rest is given up: later calls
// must not get lower ids than this one is going to.
func (s *span) nextN(n int) (ids Range, ok bool) {
	i := s.taken.Add(int64(n))
	if i > s.n {
		return Range{}, false
	}
	return Range{First: s.before + i - int64(n) + 1, N: n}, true
}

// stock is what a sequence fetches ahead: one span that is being spent, and the
// next. The next one is asked for when the other begins to be spent, so that
// there is as long to fetch it as the other lasts. The sequence's lock guards
// it.
type stock struct {
	max    int       // ids of a span at most
	size   int       // ids of the span to ask for
	wanted int       // ids to ask for with the next request; 0: none are wanted
	next   *span     // nil: not there yet
	since  time.Time // when wanted was last set
}

// How long a span should last: long enough to bridge the restart of a worker or
// a server, and no longer, as what a program has in stock when it ends is a gap.
const (
	spanTime    = time.Second
	maxSpanTime = 4 * spanTime
)

// takeLocked takes n ids from the stock, and begins to spend the next span if
// that helps. Where there is no stock it sees to it that the next request is for
// some, too.
func (s *Sequence) takeLocked(n int) (ids Range, ok bool) {
	spending := s.spending.Load()
	if spending == nil {
		return Range{}, false
	}
	for {
		if ids, ok := spending.nextN(n); ok {
			return ids, true
		}
		if s.stock.next == nil {
			break
		}
		spending, s.stock.next = s.stock.next, nil
		s.spending.Store(spending)
		s.wantLocked()
		s.sendLocked()
	}
	if s.stock.wanted == 0 {
		s.wantLocked()
	}
	return Range{}, false
}

// wantLocked asks for the next span, of a size that follows how long the one
// before it lasted.
func (s *Sequence) wantLocked() {
	st, now := &s.stock, time.Now()
	switch lasted := now.Sub(st.since); {
	case st.size == 0:
		st.size = 1 // a key used once must not burn many ids
	case lasted < spanTime:
		st.size = min(2*st.size, st.max)
	case lasted > maxSpanTime:
		st.size = max(st.size/2, 1)
	}
	st.wanted, st.since = st.size, now
}

// wantedLocked returns how many ids the request that is sent now should bring
// for the stock.
func (s *Sequence) wantedLocked() (n int) {
	if s.stock.next == nil {
		n, s.stock.wanted = s.stock.wanted, 0
	}
	return n
}

// putLocked puts ids that no call of the batch wanted in stock. Calls that wait
// for the next request come first: ids are Weak here, so they may have been drawn
// before the call began. Where those want more, ids is given up, for they are
// going to get greater ones. It returns the batches that it finished.
func (s *Sequence) putLocked(ids Range) (served []*batch) {
	if ids.N == 0 || s.closed {
		return nil
	}
	for len(s.batches) > 0 {
		if s.batches[0].n > ids.N {
			return served
		}
		b := s.popLocked()
		b.finishLocked(ids.take(b.n), nil)
		served = append(served, b)
	}
	if ids.N > 0 {
		s.stock.next = &span{before: ids.First - 1, n: int64(ids.N)}
	}
	return served
}
