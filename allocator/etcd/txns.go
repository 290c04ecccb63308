package etcd

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
)

const (
	// attemptTimeout bounds one transaction. It must stay below 7 s, where
	// etcd's server gives up by itself and the client sends the transaction a
	// second time (https://github.com/etcd-io/etcd/issues/18424).
	attemptTimeout = time.Second

	// maxSwaps is how many swaps share a transaction: etcd allows 128
	// operations, and counts one for the outer of nested transactions.
	maxSwaps = 127

	// maxFlying is how many transactions are under way at a time. With one, the
	// disk's time and the processors' time would add up; more make the batches
	// smaller.
	maxFlying = 2
)

// txns sends compare-and-swaps. Those that are due together, while maxFlying
// transactions are under way, share the next one.
//
// It has no goroutine of its own: whoever finds a place free sends what is due,
// and then passes the place on to the first one in line (as group commit does
// in databases), so that a swap on an idle txns crosses no other goroutine.
type txns struct {
	kv     clientv3.KV
	guard  guard
	ctx    context.Context // ends with close
	cancel context.CancelFunc

	mu     sync.Mutex
	due    queue
	load   load
	flying int // places taken
	nested int // how many transactions from now on are nested ones: see commit
	closed bool
}

// swap is one compare-and-swap that waits or is under way.
type swap struct {
	path  string
	rev   int64  // the record's ModRevision must be this; 0: there must be none
	value string // is written then

	done  chan outcome  // has room for the one outcome
	place chan struct{} // has room for the one token: this swap's goroutine shall send

	// txns.mu guards the rest.
	due        bool // in the queue
	called     bool // has been given a token that it may not have seen yet
	prev, next *swap
}

// swaps are used again, for their channels: once its outcome has been received,
// nobody holds on to a swap. One that is given up is left to the collector.
var swaps = sync.Pool{New: func() any {
	return &swap{done: make(chan outcome, 1), place: make(chan struct{}, 1)}
}}

// outcome is what became of a swap.
type outcome struct {
	err error // perhaps applied, perhaps later; or known not to be: then fenced
	won bool
	rev int64            // if won, the record's ModRevision now
	kv  *mvccpb.KeyValue // if lost, the record; nil where there is none
}

var errClosed = fmt.Errorf("%w: counter closed", allocator.ErrUnavailable)

func newTxns(kv clientv3.KV) *txns {
	t := &txns{kv: kv}
	t.ctx, t.cancel = context.WithCancel(clientv3.WithRequireLeader(context.Background()))
	return t
}

// close fails the swaps that are due or under way, and all later ones.
func (t *txns) close() {
	t.cancel()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for s := t.due.first; s != nil; s = t.due.first {
		t.due.take(s)
		s.done <- outcome{err: errClosed}
	}
}

// swap writes value at path if the record's ModRevision is rev. It blocks until
// the outcome is known or ctx ends; if this goroutine is the one that sends, for
// attemptTimeout more at most. If ctx ends while the swap is under way it may
// still be applied; before that it is taken back.
func (t *txns) swap(ctx context.Context, path string, rev int64, value string) (outcome, error) {
	s := swaps.Get().(*swap)
	s.path, s.rev, s.value = path, rev, value
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return outcome{}, errClosed
	}
	if err := t.load.refuse(ctx, t.due.len); err != nil {
		t.mu.Unlock()
		swaps.Put(s)
		return outcome{}, err
	}
	t.due.push(s)
	if t.flying < maxFlying {
		t.flying++
		s.called = true
		s.place <- struct{}{}
	}
	t.mu.Unlock()
	for {
		select {
		case <-s.place:
			t.send(ctx, s)
		case out := <-s.done:
			t.leave(s)
			swaps.Put(s)
			return out, out.err
		case <-ctx.Done():
			t.leave(s)
			return outcome{}, context.Cause(ctx)
		}
	}
}

// leave takes s back if it is still due, and passes on the place that it may
// have been given without using it: another sender can have taken s along.
func (t *txns) leave(s *swap) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.due {
		t.due.take(s)
	}
	select {
	case <-s.place: // sent under the lock, and to a swap that is due only: no other will come
		t.passPlaceLocked()
	default:
	}
	s.called = false
}

// passPlaceLocked has the first swap in line send next that is not called
// already, or frees the place.
func (t *txns) passPlaceLocked() {
	for s := t.due.first; s != nil; s = s.next { // maxFlying steps at most
		if !s.called {
			s.called = true
			s.place <- struct{}{}
			return
		}
	}
	t.flying--
}

// send takes what is due, sends it in one transaction, passes the place on, and
// tells the outcomes. s, on whose goroutine it runs, need not be among it.
func (t *txns) send(ctx context.Context, s *swap) {
	t.mu.Lock()
	s.called = false
	batch := t.nextLocked()
	t.mu.Unlock()
	begun := time.Now()
	outs, err := t.commit(ctx, batch)
	t.mu.Lock()
	if err == nil && len(batch) > 0 {
		t.load.note(time.Since(begun))
	}
	t.passPlaceLocked()
	t.mu.Unlock()
	for i, s := range batch {
		if err != nil {
			s.done <- outcome{err: err}
		} else {
			s.done <- outs[i]
		}
	}
}

// nextLocked takes as many swaps as one transaction holds, in the order they
// came. etcd refuses a transaction that names a key twice, so the second swap of
// a path stays for the next one.
func (t *txns) nextLocked() []*swap {
	batch := make([]*swap, 0, min(t.due.len, maxSwaps))
	var paths map[string]bool
	if t.due.len > 1 {
		paths = make(map[string]bool, cap(batch))
	}
	for s := t.due.first; s != nil && len(batch) < maxSwaps; {
		next := s.next
		if !paths[s.path] {
			t.due.take(s)
			batch = append(batch, s)
			if paths != nil {
				paths[s.path] = true
			}
		}
		s = next
	}
	return batch
}

// queue holds the swaps that are due, in the order they came. txns.mu guards it.
type queue struct {
	first, last *swap
	len         int
}

func (q *queue) push(s *swap) {
	s.due, s.prev, s.next = true, q.last, nil
	if q.last == nil {
		q.first = s
	} else {
		q.last.next = s
	}
	q.last = s
	q.len++
}

// take takes out s, which is in it.
func (q *queue) take(s *swap) {
	if s.prev == nil {
		q.first = s.next
	} else {
		s.prev.next = s.next
	}
	if s.next == nil {
		q.last = s.prev
	} else {
		s.next.prev = s.prev
	}
	s.due, s.prev, s.next = false, nil, nil
	q.len--
}
