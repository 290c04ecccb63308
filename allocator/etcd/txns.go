package etcd

import (
	"container/list"
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
	due    list.List // of *swap, in the order they came
	flying int       // places taken
	nested int       // how many transactions from now on are nested ones: see commit
	closed bool
}

// swap is one compare-and-swap that waits or is under way.
type swap struct {
	path  string
	rev   int64  // the record's ModRevision must be this; 0: there must be none
	value string // is written then

	done  chan outcome  // has room for the one outcome
	place chan struct{} // gets a token when this swap's goroutine shall send
	due   *list.Element // nil once it is under way or given up; txns.mu guards it
}

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
	for t.due.Len() > 0 {
		t.takeLocked(t.due.Front()).done <- outcome{err: errClosed}
	}
}

// swap writes value at path if the record's ModRevision is rev. It blocks until
// the outcome is known or ctx ends; if this goroutine is the one that sends, for
// attemptTimeout more at most. If ctx ends while the swap is under way it may
// still be applied; before that it is taken back.
func (t *txns) swap(ctx context.Context, path string, rev int64, value string) (outcome, error) {
	s := &swap{path: path, rev: rev, value: value, done: make(chan outcome, 1), place: make(chan struct{}, 1)}
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return outcome{}, errClosed
	}
	s.due = t.due.PushBack(s)
	if t.flying < maxFlying {
		t.flying++
		s.place <- struct{}{}
	}
	t.mu.Unlock()
	for {
		select {
		case <-s.place:
			t.send(ctx)
		case out := <-s.done:
			return out, out.err
		case <-ctx.Done():
			t.giveUp(s)
			return outcome{}, context.Cause(ctx)
		}
	}
}

// giveUp takes s back if it is still due, and passes on the place it may have
// been given meanwhile.
func (t *txns) giveUp(s *swap) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.due != nil {
		t.takeLocked(s.due)
	}
	select {
	case <-s.place:
		t.passPlaceLocked()
	default:
	}
}

func (t *txns) takeLocked(e *list.Element) *swap {
	s := t.due.Remove(e).(*swap)
	s.due = nil
	return s
}

// passPlaceLocked has the first swap in line send next, or frees the place.
func (t *txns) passPlaceLocked() {
	if first := t.due.Front(); first != nil {
		first.Value.(*swap).place <- struct{}{}
	} else {
		t.flying--
	}
}

// send takes what is due, sends it in one transaction, passes the place on, and
// tells the outcomes.
func (t *txns) send(ctx context.Context) {
	t.mu.Lock()
	batch := t.nextLocked()
	t.mu.Unlock()
	outs, err := t.commit(ctx, batch)
	t.mu.Lock()
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
	batch := make([]*swap, 0, min(t.due.Len(), maxSwaps))
	var paths map[string]bool
	if t.due.Len() > 1 {
		paths = make(map[string]bool, cap(batch))
	}
	for e := t.due.Front(); e != nil && len(batch) < maxSwaps; {
		next := e.Next()
		if s := e.Value.(*swap); !paths[s.path] {
			batch = append(batch, t.takeLocked(e))
			if paths != nil {
				paths[s.path] = true
			}
		}
		e = next
	}
	return batch
}
