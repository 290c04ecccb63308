package etcd

import (
	"context"
	"fmt"
	"math"
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
	answer := make(chan outcome, 1)
	c.txns.start(&swap{
		path:  c.config.Prefix + probePath,
		rev:   impossibleRev,
		ended: func(time.Time) bool { return ctx.Err() != nil },
		done:  func(out outcome) { answer <- out },
	})
	select {
	case out := <-answer:
		if out.err != nil {
			return fmt.Errorf("probe etcd: %w", out.err)
		}
		if out.won {
			return fmt.Errorf("probe etcd: a compare that can't hold held")
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("probe etcd: %w", context.Cause(ctx))
	}
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
