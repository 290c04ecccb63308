package etcd

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
)

// Config configures a [Counter]. The zero value works.
type Config struct {
	// Prefix is where records are kept, without a slash at its end. "" means
	// DefaultPrefix.
	Prefix string

	// Writer is written into every record, and must be new with every process
	// start: a worker's id.
	Writer string

	// Floor returns the id that every id of a key is greater than; it raises a
	// lower mark and never lowers one. It must not block. nil means 0.
	Floor func(allocator.Key) int64

	// StateDir is the folder in which this machine remembers how far it has seen
	// etcd's history go, so that a restored or replaced etcd is found out by a
	// worker that starts later. Counters, of several processes too, may share it.
	// "" means that nothing is remembered.
	StateDir string

	// Strangers says that an etcd with another store than the one remembered is
	// taken for a new one, with a warning, and not for a replaced one: for
	// addresses where etcds are set up and thrown away.
	Strangers bool

	// Log gets what Ready finds out about etcd's history. nil means slog.Default.
	Log *slog.Logger
}

// Counter keeps one mark per key in etcd. It is safe for concurrent use.
type Counter struct {
	config Config
	guard  *guard
	txns   *txns
	jitter func(time.Duration) time.Duration // from 0 to below its argument

	mu      sync.Mutex
	beliefs map[allocator.Key]belief
	revoke  []func() // see OnRevoke
}

// belief is what a record was when it was last seen. A wrong belief costs a
// round trip, never an id: it stands only in compares.
type belief struct {
	last int64
	rev  int64 // ModRevision; 0: taken for absent, but for last: see Counter.belief
	gen  int64 // of the guard, before the record was seen

	// given is the greatest id that another worker reserved for us. The record
	// must have it, once we see it.
	given int64
}

// maxBeliefs bounds the memory of beliefs, to about 10 MB.
const maxBeliefs = 1 << 16

var _ allocator.Starter = (*Counter)(nil)

// NewCounter returns a Counter on client. It must be closed, and does not close
// the client.
func NewCounter(client *clientv3.Client, config Config) *Counter {
	if config.Prefix == "" {
		config.Prefix = DefaultPrefix
	}
	if config.Floor == nil {
		config.Floor = func(allocator.Key) int64 { return 0 }
	}
	if config.Log == nil {
		config.Log = slog.Default()
	}
	c := &Counter{config: config, jitter: rand.N[time.Duration], beliefs: map[allocator.Key]belief{}}
	c.guard = &guard{
		revoke:   c.revoked,
		file:     newStateFile(config.StateDir, config.Strangers, client.Endpoints(), config.Prefix),
		log:      config.Log,
		kv:       client,
		prefix:   config.Prefix,
		checking: make(chan struct{}, 1),
	}
	c.txns = newTxns(client, c.guard)
	return c
}

// Close fails the advances under way, and all later ones.
func (c *Counter) Close() {
	c.txns.close()
	c.guard.rememberKnown()
}

// OnRevoke has f called when ids that were reserved so far must not be issued
// any more, because etcd's history went backwards, or may not be, because an
// operator has raised the counters. When an Advance has returned ErrFenced for
// the history's sake, f has returned. It must not call the Counter, nor block
// for long. OnRevoke must not be called once the Counter is in use.
func (c *Counter) OnRevoke(f func()) { c.revoke = append(c.revoke, f) }

func (c *Counter) revoked() {
	for _, f := range c.revoke {
		f()
	}
}

// Path returns where key's record is kept.
func (c *Counter) Path(key allocator.Key) string {
	return c.config.Prefix + countersPath + key.Store + "/" + key.Name
}

// next returns the n ids above last.
func next(last int64, n int) (allocator.Range, error) {
	if n < 1 {
		return allocator.Range{}, fmt.Errorf("can't reserve %d ids", n)
	}
	if int64(n) > math.MaxInt64-last {
		return allocator.Range{}, allocator.ErrExhausted
	}
	return allocator.Range{First: last + 1, N: n}, nil
}

// refresh returns what a lost race showed the record to be, and who wrote it. A
// mark never falls, and a record that was there does not vanish: either means
// that etcd was restored, or somebody deleted it.
func refresh(known belief, out outcome) (now belief, by string, err error) {
	if out.kv == nil {
		return belief{}, "", fmt.Errorf("%w: the record is gone", allocator.ErrFenced)
	}
	rec, err := decodeRecord(out.kv.Value)
	if err != nil {
		return belief{}, "", err
	}
	now = belief{last: rec.last, rev: out.kv.ModRevision, gen: known.gen, given: known.given}
	if now.last < known.given {
		return belief{}, "", fmt.Errorf("%w: the mark is %d, and another worker had reserved ids up to %d",
			allocator.ErrFenced, now.last, known.given)
	}
	if known.rev == 0 { // of another incarnation, if at all: a mark that we know to be spent
		now.last = max(now.last, known.last)
		return now, rec.by, nil
	}
	if now.last < known.last || now.rev < known.rev {
		return belief{}, "", fmt.Errorf("%w: the mark is %d at revision %d, and was %d at revision %d",
			allocator.ErrFenced, now.last, now.rev, known.last, known.rev)
	}
	return now, rec.by, nil
}

// Ready reports whether ids may be issued and a write would be accepted, by a
// transaction that goes all the way, through consensus, quota and permissions,
// and that checks etcd's history. It is also what notices that an operator has
// acted on an ErrFenced, and writes down how far the history has come: call it
// every few seconds. It blocks until ctx ends at most.
func (c *Counter) Ready(ctx context.Context) error {
	if err := c.guard.check(ctx); err != nil {
		return fmt.Errorf("probe etcd: %w", err)
	}
	return nil
}

// impossibleRev is no record's ModRevision.
const impossibleRev = -1

// floor returns the id that the next ids of a key must be greater than. The
// incarnation's floor is for counters without a record only; one that we merely
// don't know loses the race, and brings its mark along.
func (c *Counter) floor(key allocator.Key, known belief) int64 {
	if known.rev != 0 {
		return c.config.Floor(key)
	}
	return max(c.config.Floor(key), c.guard.floor())
}

// belief returns what is believed of key's record. From an older generation it
// is only that the ids up to last are spent: after a restore and a jump that was
// too small they would be issued again.
func (c *Counter) belief(key allocator.Key) belief {
	gen := c.guard.gen.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.beliefs[key].in(gen)
}

// in returns what b says in a generation. From an older one it is only that ids
// are spent.
func (b belief) in(gen int64) belief {
	if b.gen == gen {
		return b
	}
	return belief{last: max(b.last, b.given), gen: gen}
}

// Known returns an id that all ids reserved from now on are greater than, as far
// as this Counter has seen.
func (c *Counter) Known(key allocator.Key) int64 {
	b := c.belief(key)
	return max(b.last, b.given)
}

// Given notes that another worker has reserved ids of key for this one. If etcd
// goes back to before that, no id of them is reserved again unnoticed.
func (c *Counter) Given(key allocator.Key, ids allocator.Range) {
	gen := c.guard.gen.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	b, ok := c.beliefs[key]
	if !ok {
		c.makeRoomLocked()
	}
	b = b.in(gen)
	b.given = max(b.given, ids.Last())
	c.beliefs[key] = b
}

func (c *Counter) makeRoomLocked() {
	if len(c.beliefs) >= maxBeliefs {
		for other := range c.beliefs { // any one will do
			delete(c.beliefs, other)
			return
		}
	}
}

// learn keeps b, unless a concurrent advance has seen a later record. All records
// before b's revision must have had marks of base at most, and all after it
// higher ones than b: if not, etcd went back while this advance was under way,
// to before another one that has returned.
func (c *Counter) learn(key allocator.Key, b belief, base int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, ok := c.beliefs[key]
	switch {
	case !ok:
		c.makeRoomLocked()
	case old.gen > b.gen:
		return nil
	case old.gen < b.gen:
	case old.rev < b.rev && old.last > base, old.rev == b.rev && old.last != b.last, old.rev > b.rev && old.last <= b.last:
		return fmt.Errorf("%w: the mark is %d at revision %d, and was %d at revision %d",
			allocator.ErrFenced, b.last, b.rev, old.last, old.rev)
	case old.rev > b.rev:
		return nil
	}
	if old.gen == b.gen {
		b.given = max(b.given, old.given)
	}
	c.beliefs[key] = b
	return nil
}
