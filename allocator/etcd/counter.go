package etcd

import (
	"context"
	"errors"
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
}

// maxBeliefs bounds the memory of beliefs, to about 10 MB.
const maxBeliefs = 1 << 16

var _ allocator.Counter = (*Counter)(nil)

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
	c := &Counter{config: config, beliefs: map[allocator.Key]belief{}}
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

// Advance reserves n ids of key: see [allocator.Counter]. A lost race is tried
// again at once, an ambiguous outcome after a pause, as long as ctx lasts.
func (c *Counter) Advance(ctx context.Context, key allocator.Key, n int) (allocator.Range, error) {
	ids, _, err := c.advance(ctx, key, n, false)
	return ids, err
}

// AdvanceOrRival is Advance, but gives up when it loses a race to a writer that
// may be at it right now, and returns that rival's name; nothing is reserved
// then. A race that is lost because the record was not known yet, or to an
// earlier attempt of ours, names no rival and is tried again.
func (c *Counter) AdvanceOrRival(ctx context.Context, key allocator.Key, n int) (ids allocator.Range, rival string, err error) {
	return c.advance(ctx, key, n, true)
}

func (c *Counter) advance(ctx context.Context, key allocator.Key, n int, yield bool) (_ allocator.Range, rival string, _ error) {
	path := c.Path(key)
	if err := c.open(ctx); err != nil {
		return allocator.Range{}, "", fmt.Errorf("advance %s by %d: %w", path, n, err)
	}
	known := c.belief(key)
	var pause backoff
	for {
		ids, err := next(max(known.last, c.floor(key, known)), n)
		if errors.Is(err, allocator.ErrExhausted) && known.rev == 0 {
			known, err = c.look(ctx, path, known)
			if err == nil {
				continue
			}
		}
		if err != nil {
			return allocator.Range{}, "", fmt.Errorf("advance %s by %d: %w", path, n, err)
		}
		value := record{last: ids.Last(), by: c.config.Writer}.encode()
		out, err := c.txns.swap(ctx, path, known.rev, value)
		switch {
		case err == nil && out.won:
			c.learn(key, belief{last: ids.Last(), rev: out.rev, gen: known.gen})
			return ids, "", nil
		case err == nil: // lost: somebody else's advance, or an earlier attempt of ours
			now, by, err := refresh(known, out)
			if err != nil {
				return allocator.Range{}, "", fmt.Errorf("advance %s by %d: %w", path, n, err)
			}
			c.learn(key, now)
			if yield && known.rev != 0 && by != "" && by != c.config.Writer {
				return allocator.Range{}, by, nil
			}
			known = now
			continue
		case errors.Is(err, allocator.ErrFenced), errors.Is(err, errClosed):
			return allocator.Range{}, "", fmt.Errorf("advance %s by %d: %w", path, n, err)
		}
		// Ambiguous. Known stays as it is: if the attempt was applied, or will
		// be, the next compare fails and brings the record along.
		if !pause.wait(ctx) {
			return allocator.Range{}, "", fmt.Errorf("advance %s by %d, the mark may have moved: %w: %v", path, n, allocator.ErrUnavailable, err)
		}
	}
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
	now = belief{last: rec.last, rev: out.kv.ModRevision, gen: known.gen}
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

// open has the incarnation read once, before anything is issued. Once it is
// fenced, only Ready looks again.
func (c *Counter) open(ctx context.Context) error {
	var pause backoff
	for !c.guard.open.Load() {
		err := c.guard.checkOnce(ctx)
		switch {
		case err == nil, errors.Is(err, allocator.ErrFenced), errors.Is(err, allocator.ErrUnreadable):
			return err
		case c.txns.ctx.Err() != nil:
			return errClosed
		case !pause.wait(ctx):
			return err
		}
	}
	return nil
}

// floor returns the id that the next ids of a key must be greater than. The
// incarnation's floor is for counters without a record only; one that we merely
// don't know loses the race, and brings its mark along.
func (c *Counter) floor(key allocator.Key, known belief) int64 {
	if known.rev != 0 {
		return c.config.Floor(key)
	}
	return max(c.config.Floor(key), c.guard.floor())
}

// look reads a record that seems exhausted and is not known: the incarnation's
// floor may not be for it.
func (c *Counter) look(ctx context.Context, path string, known belief) (belief, error) {
	out, err := c.txns.swap(ctx, path, impossibleRev, "")
	switch {
	case errors.Is(err, allocator.ErrFenced):
		return known, err
	case err != nil:
		return known, fmt.Errorf("%w: %w", allocator.ErrUnavailable, err)
	case out.kv == nil:
		return known, allocator.ErrExhausted
	}
	known, _, err = refresh(known, out)
	return known, err
}

// belief returns what is believed of key's record. From an older generation it
// is only that the ids up to last are spent: after a restore and a jump that was
// too small they would be issued again.
func (c *Counter) belief(key allocator.Key) belief {
	gen := c.guard.gen.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.beliefs[key]
	if b.gen != gen {
		b.rev, b.gen = 0, gen
	}
	return b
}

// learn keeps b unless a concurrent advance has seen a later record.
func (c *Counter) learn(key allocator.Key, b belief) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, ok := c.beliefs[key]
	if ok && (old.gen > b.gen || old.gen == b.gen && old.rev > b.rev) {
		return
	}
	if !ok && len(c.beliefs) >= maxBeliefs {
		for other := range c.beliefs { // any one will do
			delete(c.beliefs, other)
			break
		}
	}
	c.beliefs[key] = b
}

// backoff spaces the attempts that follow an ambiguous outcome.
type backoff struct{ pause time.Duration }

const (
	minPause = 10 * time.Millisecond
	maxPause = 500 * time.Millisecond
)

// wait pauses for half to all of a time that doubles; it is false if ctx ends
// before that.
func (b *backoff) wait(ctx context.Context) bool {
	b.pause = min(max(2*b.pause, minPause), maxPause)
	t := time.NewTimer(b.pause/2 + rand.N(b.pause/2))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
