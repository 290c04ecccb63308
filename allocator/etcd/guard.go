package etcd

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
)

// guard watches that etcd's history only goes forward: one store, one cluster,
// and neither raft's term nor the revision falls. In a restored backup, a
// cluster rebuilt from a survivor, or another cluster at the same address, ids
// would be issued again.
//
// What an answer is held against is what was known when its transaction was
// sent, because answers overtake each other. All transactions go through
// consensus, so a revision that is lower than that has gone backwards, at once
// and for certain. A term may be lower for a moment: a member's first answers
// after it got a snapshot from its leader can still show the term before. An
// answer with a term that is too low is not used, and stands for a fallen
// history only where it stays so: see termPatience. (A backup that was restored
// with --bump-revision shows by nothing else.)
//
// Once the history is found to have gone backwards every transaction fails,
// until an operator raises the epoch: see check.
type guard struct {
	open atomic.Bool  // the record has been read, and agreed; mu is held to write
	gen  atomic.Int64 // how many epochs have been adopted since the start; mu is held to write

	mu     sync.Mutex
	known  known     // what an answer is held against
	fenced error     // why nothing may be issued; nil: it may
	low    time.Time // when the first of an unbroken row of transactions was sent whose answers' terms were too low; zero: the latest was not

	// revoke is told when ids that were reserved before may not be issued any
	// more. It must be set before the guard is used, and not call back.
	revoke func()

	memory   memory
	log      *slog.Logger
	unsaved  sync.Once     // says once that memory can't be written, or is not understood
	kv       clientv3.KV   // check's
	prefix   string        // check's
	narrow   bool          // this user may not look elsewhere; the check's
	apart    bool          // etcd takes too few operations to look elsewhere in the same transaction; the check's
	checking chan struct{} // has room for the one check at a time
	recorded time.Time     // when check last wrote the record; the check's
}

// termPatience is how long answers may show a term that is too low.
const termPatience = 3 * time.Second

// sending is what was known when a transaction was sent.
type sending struct {
	gen  int64
	seen sight
	at   time.Time
}

var (
	errUnread = fmt.Errorf("%w: etcd's incarnation has not been read yet", allocator.ErrUnavailable)
	errLapsed = fmt.Errorf("%w: the transaction was sent before an operator's jump", allocator.ErrUnavailable)
	errLow    = fmt.Errorf("%w: etcd's answer shows a raft term that has passed", allocator.ErrUnavailable)
)

// begin is called before a transaction is sent. The error says that none may be.
func (g *guard) begin() (sending, error) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	s := sending{gen: g.gen.Load(), seen: g.known.seen, at: now}
	if !g.open.Load() && g.fenced == nil {
		return s, errUnread
	}
	return s, g.fenced
}

// end checks the header of a transaction's answer; wrote says whether it put
// anything: then its revision is a new one, above all that were known. After an
// error no range of that transaction may be used; if it is
// [allocator.ErrFenced], none of any.
func (g *guard) end(s sending, h *etcdserverpb.ResponseHeader, wrote bool) error {
	now := sightOf(h)
	g.mu.Lock()
	if g.fenced != nil || g.gen.Load() != s.gen {
		defer g.mu.Unlock()
		if g.fenced != nil {
			return g.fenced
		}
		return errLapsed
	}
	err := known{incarnation: incarnation{seen: s.seen}}.check(now)
	if err == nil && wrote && now.rev == s.seen.rev {
		err = fmt.Errorf("%w: etcd's revision %d came twice", allocator.ErrFenced, now.rev)
	}
	if err == nil {
		if err = g.termLocked(s, now.term, s.seen.term); err == nil {
			g.known.seen = g.known.seen.and(now)
		}
	}
	g.mu.Unlock()
	return g.fence(err)
}

// termLocked holds a term against the one that was known when s was sent.
func (g *guard) termLocked(s sending, term, known uint64) error {
	switch {
	case term >= known:
		g.low = time.Time{}
		return nil
	case g.low.IsZero():
		g.low = s.at
	case s.at.Sub(g.low) >= termPatience:
		return fmt.Errorf("%w: raft's term fell from %d to %d", allocator.ErrFenced, known, term)
	}
	return errLow
}
