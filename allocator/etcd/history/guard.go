package history

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// Guard watches that etcd's history only goes forward: one lineage, one cluster,
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
// until an operator raises the epoch: see [Guard.Check].
type Guard struct {
	open atomic.Bool  // the record has been read, and agreed; mu is held to write
	gen  atomic.Int64 // how many epochs have been adopted since the start; mu is held to write

	mu     sync.Mutex
	past   past      // what an answer is held against
	fenced error     // why nothing may be issued; nil: it may
	low    time.Time // when the first of an unbroken row of transactions was sent whose answers' terms were too low; zero: the latest was not

	revoke func() // see Config
	memory memory
	says   report

	checking chan struct{} // has room for the one check at a time, which these are for
	reader   reader
	recorded time.Time // when the record was last written
}

// Config configures a [Guard].
type Config struct {
	Prefix    record.Prefix
	Endpoints []string // of the etcd, as they are configured

	// StateDir is the folder in which this machine remembers how far it has seen
	// etcd's history go, and FenceDir one in which it notes a fence besides. ""
	// means no such folder.
	StateDir, FenceDir string

	// Revoke is told when ids that were reserved before may not be issued any
	// more. It must not call back, and nobody hears of a fence before it returns.
	Revoke func()

	Log    *slog.Logger
	Advise func(error) string // what to try, for the log; see the errors of this package
}

// NewGuard returns a Guard of the etcd that kv asks.
func NewGuard(kv clientv3.KV, config Config) *Guard {
	g := &Guard{
		revoke:   config.Revoke,
		memory:   config.memory(),
		says:     report{log: config.Log, advise: config.Advise},
		checking: make(chan struct{}, 1),
	}
	g.reader = reader{kv: kv, prefix: config.Prefix, narrowed: g.says.narrowed}
	return g
}

func (c Config) memory() memory {
	return memory{dir: c.StateDir, fences: c.FenceDir, here: record.PlaceOf(string(c.Prefix), c.Endpoints)}
}

// Open reports whether the record has been read, and agreed.
func (g *Guard) Open() bool { return g.open.Load() }

// Gen returns how many epochs have been adopted since the start.
func (g *Guard) Gen() int64 { return g.gen.Load() }

// Lineage returns the name of the counters, "" while it has not been read.
func (g *Guard) Lineage() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.past.Lineage
}

// Jumped returns when an operator has last raised all counters, by his clock.
func (g *Guard) Jumped() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Unix(g.past.Epoch, 0)
}

// Floor returns what counters without a record start above.
func (g *Guard) Floor() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.past.Floor
}

// termPatience is how long answers may show a term that is too low.
const termPatience = 3 * time.Second

// Sending is what was known when a transaction was sent.
type Sending struct {
	gen  int64
	seen record.Sight
	at   time.Time
}

var (
	// ErrUnread is returned before the record has been read.
	ErrUnread = fmt.Errorf("%w: etcd's incarnation has not been read yet", allocator.ErrUnavailable)

	errLapsed = fmt.Errorf("%w: the transaction was sent before an operator's jump", allocator.ErrUnavailable)
	errLow    = fmt.Errorf("%w: etcd's answer shows a raft term that has passed", allocator.ErrUnavailable)
)

// Begin is called before a transaction is sent. The error says that none may be.
func (g *Guard) Begin() (Sending, error) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Sending{gen: g.gen.Load(), seen: g.past.Seen, at: now}
	if !g.open.Load() && g.fenced == nil {
		return s, ErrUnread
	}
	return s, g.fenced
}

// End checks the header of a transaction's answer; wrote says whether it put
// anything: then its revision is a new one, above all that were known. After an
// error no range of that transaction may be used; if it is
// [allocator.ErrFenced], none of any.
func (g *Guard) End(s Sending, h *etcdserverpb.ResponseHeader, wrote bool) error {
	now := record.SightOf(h)
	g.mu.Lock()
	if g.fenced != nil || g.gen.Load() != s.gen {
		defer g.mu.Unlock()
		if g.fenced != nil {
			return g.fenced
		}
		return errLapsed
	}
	err := goesOn(s.seen, now)
	if err == nil && wrote && now.Rev == s.seen.Rev {
		err = fmt.Errorf("%w: etcd's revision %d came twice", allocator.ErrFenced, now.Rev)
	}
	if err == nil {
		if err = g.termLocked(s, now.Term, s.seen.Term); err == nil {
			g.past.Seen = g.past.Seen.And(now)
		}
	}
	p := g.past
	g.mu.Unlock()
	return g.fence(err, p)
}

// termLocked holds a term against the one that was known when s was sent.
func (g *Guard) termLocked(s Sending, term, known uint64) error {
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
