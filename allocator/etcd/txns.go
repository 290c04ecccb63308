package etcd

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/history"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

const (
	// maxFlying is how many transactions are under way at a time. With one, the
	// disk's time and the processors' time would add up; more make the batches
	// smaller.
	maxFlying = 2

	// senders is one more, so that the outcomes of one transaction are told
	// while others are under way.
	senders = maxFlying + 1
)

// txns sends compare-and-swaps. Those that are due together, while
// transactions are under way, share the next one.
type txns struct {
	kv     clientv3.KV
	guard  *history.Guard
	log    *slog.Logger
	advise func(error) string
	ctx    context.Context // ends with close
	cancel context.CancelFunc

	mu     sync.Mutex
	wake   sync.Cond // one more transaction may be sent, or closed
	due    queue
	load   load
	crowd  crowd
	size   size
	stats  stats // has no need of mu
	flying int   // transactions under way
	swaps  int   // in these transactions
	nested int   // how many transactions from now on are nested ones: see commit
	closed bool

	sizeSaid sync.Once // that etcd takes less than it does by default
}

// swap is one compare-and-swap that waits or is under way.
type swap struct {
	record.Swap

	store    string    // of its counter: stores take turns
	deadline time.Time // when the answer is of no use any more; zero: never

	// ended tells, as the swap is about to be sent, that nobody wants it any
	// more. It may be called under txns.mu and must not block; nil means never.
	ended func(now time.Time) bool
	// done gets the outcome exactly once, on a sender's goroutine, or on the
	// one that called start. It must not block.
	done func(outcome)

	next *swap // of its store in the queue
}

// outcome is what became of a swap.
type outcome struct {
	err error // perhaps applied, perhaps later, or known not to be: see perhapsApplied
	record.Swapped
}

var (
	errClosed = fmt.Errorf("%w: counter closed", allocator.ErrUnavailable)
	errEnded  = fmt.Errorf("%w: nobody waits any more", allocator.ErrUnavailable)
)

func newTxns(kv clientv3.KV, g *history.Guard, config Config) *txns {
	t := &txns{kv: kv, guard: g, log: config.Log, advise: config.Advise}
	t.wake.L = &t.mu
	t.ctx, t.cancel = context.WithCancel(clientv3.WithRequireLeader(context.Background()))
	for range senders {
		go t.sender()
	}
	return t
}

// close fails the swaps that are due or under way, and all later ones.
func (t *txns) close() {
	t.cancel()
	t.mu.Lock()
	t.closed = true
	due := t.due
	t.due = queue{}
	t.mu.Unlock()
	t.wake.Broadcast()
	for due.len > 0 {
		t.done(due.pop(), outcome{err: errClosed})
	}
}

// done tells s its outcome.
func (t *txns) done(s *swap, out outcome) {
	t.stats.swapped(out)
	s.done(out)
}

// start has s sent soon; it does not block. Until done is called s belongs to t.
func (t *txns) start(s *swap) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		t.done(s, outcome{err: errClosed})
		return
	}
	if err := t.load.refuse(s.deadline, t.due.before(s.store)); err != nil {
		t.mu.Unlock()
		t.done(s, outcome{err: err})
		return
	}
	t.due.push(s)
	wake := t.mayFlyLocked()
	t.mu.Unlock()
	if wake {
		t.wake.Signal()
	}
}

// mayFlyLocked reports whether to send what is due now. A second transaction is
// worth its cost, which is mostly the same for one swap and for many, only if it
// is no smaller than what it would overtake.
func (t *txns) mayFlyLocked() bool {
	return t.due.len > 0 && (t.flying == 0 || t.flying < t.crowd.flying() && t.due.len >= min(t.swaps, t.size.limit()))
}

// sender sends what is due until t is closed.
func (t *txns) sender() {
	var f flat
	for {
		t.mu.Lock()
		for !t.closed && !t.mayFlyLocked() {
			t.wake.Wait()
		}
		if t.closed {
			t.mu.Unlock()
			return
		}
		batch, ended := t.nextLocked()
		t.flying++
		t.swaps += len(batch)
		t.mu.Unlock()
		begun := time.Now()
		outs, err := t.commit(batch, &f)

		t.mu.Lock()
		if err == nil && len(batch) > 0 {
			t.load.note(time.Since(begun))
		}
		t.flying--
		t.swaps -= len(batch)
		batch = t.resizeLocked(batch, err)
		wake := t.mayFlyLocked()
		t.mu.Unlock()
		if wake {
			t.wake.Signal()
		}
		if err != nil && record.TooLarge(err) {
			t.saySize(err)
		}
		for _, s := range ended {
			t.done(s, outcome{err: errEnded})
		}
		for i, s := range batch {
			if err != nil {
				t.done(s, outcome{err: err})
			} else {
				t.done(s, outs[i])
			}
		}
	}
}

// resizeLocked learns from what became of a batch how large the next ones may
// be. A batch that was refused as too large, and so did nothing, is due again at
// once, for smaller ones; it returns the swaps that have an outcome.
func (t *txns) resizeLocked(batch []*swap, err error) []*swap {
	switch {
	case err == nil && len(batch) > 1: // one alone has no outer transaction, and may be larger
		t.size.took(sizeOf(batch))
	case record.TooLarge(err) && len(batch) > 1:
		t.size.tooLarge(sizeOf(batch), time.Now())
		if refused(err) && !t.closed {
			for i := len(batch) - 1; i >= 0; i-- {
				t.due.unpop(batch[i])
			}
			return nil
		}
	}
	return batch
}

// saySize says once that etcd is set up to take less at a time than it does by
// default.
func (t *txns) saySize(err error) {
	t.sizeSaid.Do(func() {
		t.log.Warn("etcd refuses transactions of this size; sending smaller ones, which makes many keys slower", "err", err,
			"hint", t.advise(&SmallError{err}))
	})
}

// SmallError is etcd's refusal of a transaction that it takes by default.
type SmallError struct{ Err error }

func (e *SmallError) Error() string { return e.Err.Error() }
func (e *SmallError) Unwrap() error { return e.Err }

// nextLocked takes as many swaps as one transaction holds, as it is their turn,
// and leaves out those that ended. etcd refuses a transaction that names a
// key twice, so the second swap of a path stays for the next one.
func (t *txns) nextLocked() (batch, ended []*swap) {
	now := time.Now()
	t.size.forget(now)
	limit := t.size.limit()
	batch = make([]*swap, 0, min(t.due.len, limit))
	var paths map[string]bool
	if t.due.len > 1 {
		paths = make(map[string]bool, cap(batch))
	}
	var later []*swap
	var all guards // count as operations, too
	size, widest := 0, 0
	for t.due.len > 0 && size < limit {
		s := t.due.pop()
		with := all.with(s.Guards)
		wide := max(widest, s.Size()+len(s.Guards))
		switch {
		case len(batch) > 0 && (size+s.Size() > limit ||
			size+s.Size()+len(with) > limit+1 || // the flat transaction has as many compares
			len(batch)+1+wide > limit+1): // of nested ones etcd counts the outer and the widest of the inner
			t.due.unpop(s)
			limit = size
		case s.ended != nil && s.ended(now):
			ended = append(ended, s)
		case paths[s.Path]:
			later = append(later, s)
		default:
			batch = append(batch, s)
			size += s.Size()
			all, widest = with, wide
			if paths != nil {
				paths[s.Path] = true
			}
		}
	}
	for i := len(later) - 1; i >= 0; i-- {
		t.due.unpop(later[i])
	}
	return batch, ended
}
