package etcd

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
)

const (
	// attemptTimeout bounds one transaction. It must stay below 7 s, where
	// etcd's server gives up by itself and the client sends the transaction a
	// second time (research: etcd issue 18424).
	attemptTimeout = time.Second

	// maxNested is how many transactions one transaction can hold: etcd allows
	// 128 operations and counts the outer one.
	maxNested = 127

	// senders is how many transactions are under way at a time.
	senders = 4
)

// txns sends compare-and-swaps. Those that are due together, while all senders
// are busy, share a transaction.
type txns struct {
	kv     clientv3.KV
	guard  guard
	ctx    context.Context // ends with close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	work   sync.Cond // due is not empty, or closed
	due    list.List // of *swap, in the order they came
	closed bool
}

// swap is one compare-and-swap that waits or is under way.
type swap struct {
	path  string
	rev   int64         // the record's ModRevision must be this; 0: there must be none
	value string        // is written then
	done  chan outcome  // has room for the one outcome
	place *list.Element // in due; nil once it is under way or given up
}

// outcome is what became of a swap.
type outcome struct {
	err error // perhaps applied, perhaps later; or known not to be: then fenced
	won bool
	rev int64            // if won, the record's ModRevision now
	kv  *mvccpb.KeyValue // if lost, the record; nil where there is none
}

func newTxns(kv clientv3.KV) *txns {
	t := &txns{kv: kv}
	t.work.L = &t.mu
	t.ctx, t.cancel = context.WithCancel(clientv3.WithRequireLeader(context.Background()))
	for range senders {
		t.wg.Go(t.send)
	}
	return t
}

func (t *txns) close() {
	t.cancel()
	t.mu.Lock()
	t.closed = true
	for t.due.Len() > 0 {
		t.takeLocked(t.due.Front()).done <- outcome{err: errClosed}
	}
	t.mu.Unlock()
	t.work.Broadcast()
	t.wg.Wait()
}

var errClosed = fmt.Errorf("%w: counter closed", allocator.ErrUnavailable)

// swap writes value at path if the record's ModRevision is rev. It blocks until
// the outcome is known or ctx ends. If ctx ends while the swap is under way it
// may still be applied; before that it is taken back.
func (t *txns) swap(ctx context.Context, path string, rev int64, value string) (outcome, error) {
	s := &swap{path: path, rev: rev, value: value, done: make(chan outcome, 1)}
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return outcome{}, errClosed
	}
	s.place = t.due.PushBack(s)
	t.mu.Unlock()
	t.work.Signal()
	select {
	case out := <-s.done:
		return out, out.err
	case <-ctx.Done():
		t.mu.Lock()
		if s.place != nil {
			t.takeLocked(s.place)
		}
		t.mu.Unlock()
		return outcome{}, context.Cause(ctx)
	}
}

func (t *txns) takeLocked(place *list.Element) *swap {
	s := t.due.Remove(place).(*swap)
	s.place = nil
	return s
}

// send is a sender: it takes what is due, sends it and tells the outcomes,
// until close.
func (t *txns) send() {
	for {
		batch := t.next()
		if batch == nil {
			return
		}
		outs, err := t.commit(batch)
		for i, s := range batch {
			if err != nil {
				s.done <- outcome{err: err}
			} else {
				s.done <- outs[i]
			}
		}
	}
}

// next blocks until swaps are due and takes as many as one transaction holds.
// It returns nil when the txns are closed.
func (t *txns) next() []*swap {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.due.Len() == 0 && !t.closed {
		t.work.Wait()
	}
	if t.closed {
		return nil
	}
	// etcd refuses a transaction that names a key twice: the second swap of a
	// path stays for the next one.
	batch := make([]*swap, 0, min(t.due.Len(), maxNested))
	paths := make(map[string]bool, cap(batch))
	for place := t.due.Front(); place != nil && len(batch) < maxNested; {
		next := place.Next()
		if s := place.Value.(*swap); !paths[s.path] {
			paths[s.path] = true
			batch = append(batch, t.takeLocked(place))
		}
		place = next
	}
	if t.due.Len() > 0 {
		t.work.Signal()
	}
	return batch
}

// commit sends one transaction. The error stands for every swap of the batch.
func (t *txns) commit(batch []*swap) ([]outcome, error) {
	sent, err := t.guard.begin()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(t.ctx, attemptTimeout)
	defer cancel()

	var resp *clientv3.TxnResponse
	if len(batch) == 1 {
		s := batch[0]
		resp, err = t.kv.Txn(ctx).If(s.compare()).Then(s.put()).Else(s.get()).Commit()
	} else {
		ops := make([]clientv3.Op, len(batch))
		for i, s := range batch {
			ops[i] = clientv3.OpTxn([]clientv3.Cmp{s.compare()}, []clientv3.Op{s.put()}, []clientv3.Op{s.get()})
		}
		resp, err = t.kv.Txn(ctx).Then(ops...).Commit()
	}
	if err != nil {
		return nil, fmt.Errorf("transaction of %d: %w", len(batch), err)
	}
	if err := t.guard.end(sent, resp.Header); err != nil {
		return nil, err
	}
	if len(batch) == 1 {
		return []outcome{outcomeOf(resp.Header.Revision, resp.Succeeded, resp.Responses)}, nil
	}
	outs := make([]outcome, len(batch))
	for i, r := range resp.Responses {
		nested := r.GetResponseTxn()
		outs[i] = outcomeOf(resp.Header.Revision, nested.Succeeded, nested.Responses)
	}
	return outs, nil
}

func (s *swap) compare() clientv3.Cmp {
	return clientv3.Compare(clientv3.ModRevision(s.path), "=", s.rev)
}
func (s *swap) put() clientv3.Op { return clientv3.OpPut(s.path, s.value) }

// get brings the record back from a lost race, in the same round trip.
func (s *swap) get() clientv3.Op { return clientv3.OpGet(s.path) }

func outcomeOf(rev int64, won bool, responses []*etcdserverpb.ResponseOp) outcome {
	if won {
		return outcome{won: true, rev: rev} // all puts of a transaction share its revision
	}
	out := outcome{}
	if kvs := responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
		out.kv = kvs[0]
	}
	return out
}
