package seqd

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// batch is the calls that share one request. The sequence's lock guards it,
// until done is closed.
type batch struct {
	n        int // ids its calls want
	calls    int
	waiting  int         // calls that have not given up
	places   int         // that were given out: n, and those in gone
	gone     []gone      // calls that gave up before it was sent
	deadline time.Time   // when the time of its calls is up
	full     bool        // it has gathered long enough: no new call joins
	fill     *time.Timer // sets full

	cancel   context.CancelFunc // ends the request; nil until it is sent
	stocks   bool               // the request is for the stock, too
	attempts int                // that have begun
	last     error              // what the last one that ended came to; nil: none has
	gap      bool               // one of them may have spent ids

	finished bool
	ids      Range          // of all its calls
	err      error          // of all its calls
	done     chan struct{}  // closed when the batch is finished; nil: it is for the stock only
	asleep   sync.WaitGroup // calls that waited when it was finished, and have not run since
}

// gone is a call that gave up before its batch was sent: those that joined after
// it move up.
type gone struct {
	at int // its place
	n  int // places that are free; once the batch is sent, with those before it
}

// errAgain tells the calls of a batch to join another one: theirs asked for more
// ids at once than it could have. Its only id is for the call that came first.
var errAgain = errors.New("ask for fewer ids at once")

// gatherPart is the part of a call's time for which a batch gathers at most,
// where the request before it takes that long. All calls of a batch have the
// same deadline, so a call's time may be shorter by that part.
const gatherPart = 16

// joinLocked adds a call for n ids to the batch that gathers, and returns its
// place there. It sees to it that the batch is sent. deadline is zero, or that of
// the batch the call was in before.
func (s *Sequence) joinLocked(n int, deadline time.Time) (b *batch, at int) {
	if last := len(s.batches) - 1; last >= 0 && s.fitsLocked(s.batches[last], n, deadline) {
		b = s.batches[last]
	} else {
		b = s.newBatchLocked(deadline)
	}
	at = b.places
	b.places += n
	b.n += n
	b.calls++
	b.waiting++
	s.calls.Add(1)
	return b, at
}

func (s *Sequence) fitsLocked(b *batch, n int, deadline time.Time) bool {
	if deadline.IsZero() {
		return !b.full && b.n <= s.limit-n
	}
	return b.deadline.Equal(deadline) && b.n <= s.limit-n
}

func (s *Sequence) newBatchLocked(deadline time.Time) *batch {
	timeout := s.target.settings.timeout
	b := &batch{done: make(chan struct{}), deadline: deadline, full: true}
	if deadline.IsZero() {
		b.deadline, b.full = time.Now().Add(timeout), false
		b.fill = time.AfterFunc(timeout/gatherPart, func() {
			s.mu.Lock()
			b.full = true
			s.mu.Unlock()
		})
	}
	s.batches = append(s.batches, b)
	s.sendLocked()
	return b
}

// popLocked takes the batch out that is next to be sent.
func (s *Sequence) popLocked() *batch {
	b := s.batches[0]
	s.batches = slices.Delete(s.batches, 0, 1)
	s.calls.Add(-int64(b.calls))
	slices.SortFunc(b.gone, func(x, y gone) int { return cmp.Compare(x.at, y.at) })
	for i := range b.gone[:max(len(b.gone)-1, 0)] {
		b.gone[i+1].n += b.gone[i].n
	}
	return b
}

// place returns where the ids begin, in those of b, of the call that joined at.
// It is for a call that has not given up, once b has been popped.
func (b *batch) place(at int) int {
	i, _ := slices.BinarySearchFunc(b.gone, at, func(g gone, at int) int { return cmp.Compare(g.at, at) })
	if i > 0 {
		at -= b.gone[i-1].n
	}
	return at
}

// leave takes a call for n ids, which gave up, out of b, where it had joined at.
// It does not if b has been finished meanwhile: an answer that is there counts.
func (s *Sequence) leave(b *batch, at, n int) (f failure, left bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.finished {
		return failure{}, false
	}
	took := s.target.settings.timeout - time.Until(b.deadline)
	f = failure{attempts: b.attempts, took: took, last: b.last, gap: b.gap}
	if f.attempts > 0 && f.last == nil {
		f.last = ErrTimeout
	}
	b.waiting--
	switch {
	case b.cancel == nil: // not sent yet: no id need be spent on it
		s.calls.Add(-1)
		b.n -= n
		b.calls--
		b.gone = append(b.gone, gone{at, n})
	case b.waiting == 0 && !b.stocks:
		b.cancel() // to try again would burn ids for nobody
	}
	return f, true
}

// finish gives b's calls their outcome, and puts what they did not want in
// stock.
func (s *Sequence) finish(b *batch, ids Range, err error) {
	s.mu.Lock()
	s.sent = nil
	s.crowd = b.calls + int(s.calls.Load())
	if err != nil && s.closed {
		err = s.explain(failure{attempts: b.attempts, last: errSequenceClosed, gap: b.gap})
	}
	var rest Range
	switch {
	case err == nil:
		rest = ids
		ids = rest.take(b.n)
	case err == errAgain && b.calls == 0:
		rest = ids
	}
	b.finishLocked(ids, err)
	served := s.putLocked(rest)
	s.mu.Unlock()

	// Without the lock, which those who are woken want first of all.
	if b.done != nil {
		close(b.done)
	}
	for _, b := range served {
		close(b.done)
	}
}

// finishLocked decides b's outcome; the caller closes done.
func (b *batch) finishLocked(ids Range, err error) {
	b.ids, b.err, b.finished = ids, err, true
	b.asleep.Add(b.waiting)
	if b.fill != nil {
		b.fill.Stop()
	}
}
