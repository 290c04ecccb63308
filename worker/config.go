package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/numbering"
	"github.com/seqd-io/seqd/subjects"
)

// Config configures a [Worker]. Backends is required.
type Config struct {
	// ID names the worker in discovery and in etcd's records. It must be new
	// with every process start. "" means a random one.
	ID string

	// Version is the SemVer version shown in discovery. "" means 0.0.0.
	Version string

	// Host says where the worker runs, for people. "" means the machine's name.
	Host string

	// Root is the first token of request subjects. "" means subjects.Root.
	Root string

	// Connect connects to NATS with the options it is given, which make a connection
	// that comes up and comes back by itself, and with the caller's own: address,
	// credentials, TLS. nil means nats.Connect to nats.DefaultURL.
	Connect func(options ...nats.Option) (*nats.Conn, error)

	// Backends keep the counters.
	Backends []Backend

	// MaxWaiting bounds the requests that wait for ids. Further ones are answered BUSY
	// at once; so are those of a store that has seven of eight places already. 0 means
	// DefaultMaxWaiting.
	MaxWaiting int

	// MaxPatience bounds how long a request waits, unless it names a shorter timeout.
	// 0 means DefaultMaxPatience.
	MaxPatience time.Duration

	// DrainTimeout bounds the end of Run. 0 means DefaultDrainTimeout.
	DrainTimeout time.Duration

	// MaxKeys bounds the weak keys that each backend holds in memory, and also the
	// keys that it owns. 0 means allocator.DefaultMaxKeys.
	MaxKeys int

	// Trace gets each request that has a sampled traceparent header, once it is
	// answered. It must not block, and must be safe for concurrent use. It may keep
	// the Traced. nil means that nobody is told.
	Trace func(*Traced)

	// Advise returns what an operator can try about an error, and "" where there is no
	// particular advice. It ends lines of the log, as "hint". It is asked about errors
	// of the Counters and of this package. An error without advice may pass by itself
	// while servers come up. nil means no advice.
	Advise func(error) string

	// Now is the clock that tells which period has begun; nil means time.Now.
	Now func() time.Time

	// Log gets state changes. nil means slog.Default.
	Log *slog.Logger
}

// Defaults of Config.
const (
	DefaultMaxWaiting   = 16_384
	DefaultMaxPatience  = 2 * time.Second
	DefaultDrainTimeout = 20 * time.Second
)

// Backend is where the counters of some stores are kept.
type Backend struct {
	Name    string           // for logs
	Counter allocator.Source // from which nobody else may issue
	Lease   time.Duration    // how long the Counter's keys are owned without a renewal; 0: no store is Leased

	// Ready reports whether the Counter can be written to; it blocks until its
	// context ends at most. nil means always.
	Ready func(context.Context) error

	Stores []Store
}

// Store is the rules for one store, or for every store that has none of its
// own.
type Store struct {
	Name        string             // or subjects.AnyStore
	DefaultMode subjects.Mode      // for requests that name none; subjects.DefaultMode means Weak
	Modes       []subjects.Mode    // what callers may ask for; empty means both
	MaxCount    int                // ids in one request; 0 means DefaultMaxCount
	Segments    allocator.Segments // how weak ids are reserved
	Leased      bool               // one worker owns each key, and issues its ids from memory
	Floors      string             // names what the Counter keeps of floors, for discovery; "" for none

	// Numbers returns the rule by which a key's ids are counted and printed, and nil
	// for a key without one. The Counter must count by the same rule. Numbers must not
	// block. nil means that no key has a rule.
	Numbers   func(key string) *numbering.Rule
	Numbering string // names the rules, for discovery; "" for none

	// IdempotencyWindow is how long a request with an idempotency key gets the same
	// answer when it is made again. 0 means that such requests are refused.
	IdempotencyWindow time.Duration
}

// DefaultMaxCount bounds the ids of one request.
const DefaultMaxCount = 100_000

func (c Config) withDefaults() (Config, error) {
	if c.ID == "" {
		c.ID = nuid.Next()
	}
	if c.Version == "" {
		c.Version = "0.0.0"
	}
	if c.Host == "" {
		c.Host, _ = os.Hostname() // without one it is left out
	}
	if c.Root == "" {
		c.Root = subjects.Root
	}
	if c.Connect == nil {
		c.Connect = func(options ...nats.Option) (*nats.Conn, error) {
			return nats.Connect(nats.DefaultURL, options...)
		}
	}
	if c.MaxWaiting == 0 {
		c.MaxWaiting = DefaultMaxWaiting
	}
	if c.MaxPatience == 0 {
		c.MaxPatience = DefaultMaxPatience
	}
	if c.DrainTimeout == 0 {
		c.DrainTimeout = DefaultDrainTimeout
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Advise == nil {
		c.Advise = func(error) string { return "" }
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c, c.validate()
}

func (c Config) validate() error {
	if err := subjects.CheckToken("root", c.Root); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, b := range c.Backends {
		if b.Counter == nil {
			return fmt.Errorf("backend %q has no Counter", b.Name)
		}
		for _, s := range b.Stores {
			if err := s.validate(); err != nil {
				return err
			}
			if s.Leased && b.Lease == 0 {
				return fmt.Errorf("store %q is leased, and the backend %q has no lease", s.Name, b.Name)
			}
			if seen[s.Name] {
				return fmt.Errorf("store %q is configured twice", s.Name)
			}
			seen[s.Name] = true
		}
	}
	if len(seen) == 0 {
		return errors.New("no store is configured")
	}
	return nil
}

func (s Store) validate() error {
	if s.Name != subjects.AnyStore {
		if err := subjects.CheckToken("store", s.Name); err != nil {
			return err
		}
	}
	if s.MaxCount < 0 || s.MaxCount > subjects.MaxN {
		return fmt.Errorf("store %q: max_count must be between 1 and %d", s.Name, int64(subjects.MaxN))
	}
	return nil
}
