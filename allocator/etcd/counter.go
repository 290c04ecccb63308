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
	"github.com/seqd-io/seqd/allocator/etcd/history"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// Config configures a [Counter]. The zero value works.
type Config struct {
	// Prefix is where records are kept; slashes at its end don't count. "" means
	// [record.DefaultPrefix]. It must be one by [record.CanonicalPrefix].
	Prefix string

	// Writer is written into every record, and must be new with every process
	// start: a worker's id.
	Writer string

	// Floor returns the id that every id of a key is greater than; it raises a
	// lower mark and never lowers one. It must not block. nil means 0.
	Floor func(allocator.Key) int64

	// Counting returns how a key's ids are counted. It must not block. nil means that
	// no key has a limit of its own or periods.
	Counting func(allocator.Key) Counting

	// Lease is how long this process may issue ids of the keys that it owns without
	// hearing from etcd. 0 means that it owns none.
	Lease time.Duration

	// Now is the clock that leases are counted by; nil means time.Now. It must have
	// a monotonic reading.
	Now func() time.Time

	// StateDir is the folder in which this machine remembers how far it has seen
	// etcd's history go. With it, a worker that starts later finds out that etcd was
	// restored or replaced. Several Counters may share it, also those of several
	// processes. "" means that nothing is remembered.
	StateDir string

	// FenceDir is a second folder in which this machine notes a fence, so that the
	// fence also holds for workers with another StateDir, or with none. "" means that
	// there is no such folder.
	FenceDir string

	// Log gets what Ready finds out about etcd's history. nil means slog.Default.
	Log *slog.Logger

	// Advise returns what an operator can try about an error, and "" where there is no
	// particular advice. It ends lines of the log, as "hint". It is asked about a
	// [SmallError] and about what package history names. nil means no advice.
	Advise func(error) string
}

// Counting is how the ids of a key are counted. The zero value counts from 1 to
// math.MaxInt64.
type Counting struct {
	// Limit is the greatest id, in each period; 0 means that there is no other limit.
	Limit int64

	// Period returns the period that has begun at a time. nil means that the key
	// counts in none. Every advance of a key with periods is asked for ids above the
	// mark of a period.
	Period func(time.Time) allocator.Period
}

// Counter keeps one mark per key in etcd. It is safe for concurrent use.
type Counter struct {
	config  Config
	prefix  record.Prefix
	guard   *history.Guard
	txns    *txns
	answers *answerLeases
	jitter  func(time.Duration) time.Duration // from 0 to below its argument

	hooks   allocator.Hooks // see Attach
	session session

	mu      sync.Mutex
	beliefs map[allocator.Key]belief
	owners  map[string]*owner // that somebody waits for, by id
	gone    map[string]bool   // owners whose session was found to have gone; true: deposed by us
}

var _ allocator.Source = (*Counter)(nil)

// NewCounter returns a Counter on client. It must be closed, and does not close
// the client. It panics if the prefix can't be one.
func NewCounter(client *clientv3.Client, config Config) *Counter {
	prefix := record.PrefixOf(config.Prefix)
	if config.Floor == nil {
		config.Floor = func(allocator.Key) int64 { return 0 }
	}
	if config.Counting == nil {
		config.Counting = func(allocator.Key) Counting { return Counting{} }
	}
	if config.Log == nil {
		config.Log = slog.Default()
	}
	if config.Advise == nil {
		config.Advise = func(error) string { return "" }
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	c := &Counter{
		config: config, prefix: prefix, jitter: rand.N[time.Duration],
		beliefs: map[allocator.Key]belief{}, owners: map[string]*owner{}, gone: map[string]bool{},
	}
	c.guard = history.NewGuard(client, history.Config{
		Prefix: prefix, Endpoints: client.Endpoints(),
		StateDir: config.StateDir, FenceDir: config.FenceDir,
		Revoke: c.revoked, Log: config.Log, Advise: config.Advise,
	})
	c.txns = newTxns(client, c.guard, config)
	c.answers = newAnswerLeases(c.txns.ctx, client)
	return c
}

// Close fails the advances under way, and all later ones.
func (c *Counter) Close() {
	c.txns.close()
	c.guard.Save()
}

// Attach registers the hooks: see allocator.Source. It panics if there are others
// already, because their owner would go on issuing ids that are revoked.
func (c *Counter) Attach(hooks allocator.Hooks) {
	if c.hooks.Revoke != nil || c.hooks.Observer != nil {
		panic("etcd: two issuers of one Counter")
	}
	c.hooks = hooks
}

// revoked is called by the guard.
func (c *Counter) revoked() {
	c.session.end()
	if c.hooks.Revoke != nil {
		c.hooks.Revoke()
	}
}

// Lineage returns the name of the counters, a UUID that their first worker made. It is
// "" as long as it has not been read.
func (c *Counter) Lineage() string { return c.guard.Lineage() }

// Path returns where key's record is kept.
func (c *Counter) Path(key allocator.Key) string {
	return c.prefix.Counter(key)
}

// periods reports whether a key counts in periods.
func (c *Counter) periods(key allocator.Key) bool { return c.config.Counting(key).Period != nil }

// next returns the n ids of key above what is known of its mark, its floor and
// above.
func (c *Counter) next(key allocator.Key, known belief, above int64, n int) (allocator.Range, error) {
	if n < 1 {
		return allocator.Range{}, fmt.Errorf("can't reserve %d ids", n)
	}
	counting := c.config.Counting(key)
	last, limit := max(known.last, above), int64(math.MaxInt64)
	if counting.Limit > 0 {
		limit = counting.Limit
	}
	if counting.Period == nil {
		last = max(last, c.floor(key, known))
	} else {
		p, _ := allocator.SplitMark(last)
		if p == 0 {
			return allocator.Range{}, fmt.Errorf("%w: the key counts in periods, and none was named", allocator.ErrUnreadable)
		}
		limit = p.Mark(min(limit, allocator.MaxPeriodID))
		last = max(last, p.Mark(min(c.periodFloor(key, known, p, counting), allocator.MaxPeriodID)))
	}
	if last > limit || int64(n) > limit-last {
		return allocator.Range{}, allocator.ErrExhausted
	}
	return allocator.Range{First: last + 1, N: n}, nil
}

// Ready reports whether ids may be issued and a write would be accepted. It finds out
// by a transaction that goes all the way, through consensus, quota and permissions,
// and that checks etcd's history. It also notices that an operator has acted on an
// ErrFenced, and writes down how far the history has come. Call it every few seconds.
// It blocks until ctx ends at most.
func (c *Counter) Ready(ctx context.Context) error {
	err := c.guard.Check(ctx)
	c.txns.stats.probes[outcomeOfErr(err)].Add(1)
	if err != nil {
		return fmt.Errorf("probe etcd: %w", err)
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
	return max(c.config.Floor(key), c.guard.Floor())
}

// jumpSlack is how far a worker's clock may be ahead of that of an operator who
// raises counters after a restore.
const jumpSlack = 10 * time.Minute

// periodFloor returns the id that the next ids of a key must be greater than in a
// period. A backup may be from before the period began: then its record says
// nothing of the ids that were lost with what came after it, which a jump has said
// are so many at most. So the incarnation's floor is for records of earlier
// periods, too, until the period ends that the jump was made in. What this process
// remembers of the period is no record: it has not seen what others issued.
func (c *Counter) periodFloor(key allocator.Key, known belief, p allocator.Period, counting Counting) int64 {
	was, _ := allocator.SplitMark(known.last)
	recorded := p == was && !known.remembered
	if known.rev != 0 && (recorded || counting.Period(c.guard.Jumped().Add(jumpSlack)) < p) {
		return c.config.Floor(key)
	}
	return max(c.config.Floor(key), c.guard.Floor())
}
