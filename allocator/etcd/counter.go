package etcd

import (
	"context"
	"errors"
	"fmt"
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
}

// Counter keeps one mark per key in etcd. It is safe for concurrent use.
type Counter struct {
	config Config
	txns   *txns

	mu      sync.Mutex
	beliefs map[allocator.Key]belief
}

// belief is what a record was when it was last seen. A wrong belief costs a
// round trip, never an id: it stands only in compares.
type belief struct {
	last int64
	rev  int64 // ModRevision; 0: taken for absent
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
	return &Counter{
		config:  config,
		txns:    newTxns(client),
		beliefs: map[allocator.Key]belief{},
	}
}

// Close fails the advances under way and ends the Counter's goroutines.
func (c *Counter) Close() { c.txns.close() }

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
	known := c.belief(key)
	var pause backoff
	for {
		ids, err := next(max(known.last, c.config.Floor(key)), n)
		if err != nil {
			return allocator.Range{}, "", fmt.Errorf("advance %s by %d: %w", path, n, err)
		}
		value := record{last: ids.Last(), by: c.config.Writer}.encode()
		out, err := c.txns.swap(ctx, path, known.rev, value)
		switch {
		case err == nil && out.won:
			c.learn(key, belief{last: ids.Last(), rev: out.rev})
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
		case errors.Is(err, allocator.ErrFenced), errors.Is(err, allocator.ErrBusy), errors.Is(err, errClosed):
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
	now = belief{last: rec.last, rev: out.kv.ModRevision}
	if now.last < known.last || now.rev < known.rev {
		return belief{}, "", fmt.Errorf("%w: the mark is %d at revision %d, and was %d at revision %d",
			allocator.ErrFenced, now.last, now.rev, known.last, known.rev)
	}
	return now, rec.by, nil
}

// Ready reports whether a write would be accepted, by a transaction that goes
// all the way, through consensus, quota and permissions, and whose compare can
// never hold. It blocks until ctx ends at most.
func (c *Counter) Ready(ctx context.Context) error {
	out, err := c.txns.swap(ctx, c.config.Prefix+probePath, impossibleRev, "")
	if err != nil {
		return fmt.Errorf("probe etcd: %w", err)
	}
	if out.won {
		return fmt.Errorf("probe etcd: a compare that can't hold held")
	}
	return nil
}

// impossibleRev is no record's ModRevision.
const impossibleRev = -1

func (c *Counter) belief(key allocator.Key) belief {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.beliefs[key]
}

// learn keeps b unless a concurrent advance has seen a later record.
func (c *Counter) learn(key allocator.Key, b belief) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, ok := c.beliefs[key]
	if ok && old.rev > b.rev {
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
