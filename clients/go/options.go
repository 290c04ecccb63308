package seqd

import (
	"context"
	"math"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// Mode is how ids are to be ordered.
type Mode = subjects.Mode

// The modes.
const (
	DefaultMode = subjects.DefaultMode // the store's choice
	Weak        = subjects.Weak        // unique, increasing in trend; the fastest
	Strong      = subjects.Strong      // unique, strictly increasing over all workers
)

// Option changes a setting: given to [New] for all calls of the client, given
// to a call for that call only.
type Option func(*settings)

type settings struct {
	root           string
	mode           Mode
	timeout        time.Duration // of a call
	attemptTimeout time.Duration // of one request
	patience       time.Duration // with "no responders"
	prefetch       int           // ids of a sequence's stock; 0: none
	ownInbox       bool
	repeatable     bool // a call has an idempotency key
	idempotencyKey string
	headers        func(context.Context, nats.Header) // nil: none but ours
}

var defaults = settings{
	root:           subjects.Root,
	timeout:        2 * time.Second,
	attemptTimeout: 500 * time.Millisecond,
	patience:       math.MaxInt64,
}

// WithRoot sets the first token of the subjects, where the workers have been
// configured with another one. The default is "seq".
func WithRoot(root string) Option { return func(s *settings) { s.root = root } }

// WithMode sets how ids are to be ordered: [Weak] or [Strong]. The default is
// [DefaultMode], each store's own choice.
func WithMode(m Mode) Option { return func(s *settings) { s.mode = m } }

// WithTimeout bounds a call as a whole, all its attempts included. The default
// is 2 s. A context that ends earlier wins.
func WithTimeout(d time.Duration) Option { return func(s *settings) { s.timeout = d } }

// WithAttemptTimeout bounds one attempt: a request without an answer is sent
// again after that long, perhaps to another worker. The default is 500 ms. If it is
// shorter than a worker usually takes to answer, calls spend ids and get none.
func WithAttemptTimeout(d time.Duration) Option { return func(s *settings) { s.attemptTimeout = d } }

// WithNoRespondersPatience sets for how long a call goes on asking while NATS
// answers that no worker listens, before it returns [ErrNoWorkers]. The default
// is the whole timeout, which sits out a worker's restart; 0 does not ask again.
func WithNoRespondersPatience(d time.Duration) Option { return func(s *settings) { s.patience = d } }

// WithIdempotencyKey makes it safe to repeat a call. Every call for the same key of
// the same store that has the same idempotency key gets the same ids, whichever worker
// answers. That holds within the store's window, 10 minutes unless configured. A call
// with another number of ids or another mode is refused. An idempotency key has 1 to
// 64 bytes.
//
// All attempts of the call share it. If an answer is lost, the next attempt gets the
// ids of that answer, so there is no gap. If the call fails and [Error.IDsMayBeSpent]
// is true, a later call with the same idempotency key gets its ids.
//
// It is for one call. [New] and [Client.Sequence] refuse it, because all their calls
// would get the same ids.
func WithIdempotencyKey(key string) Option {
	return func(s *settings) { s.repeatable, s.idempotencyKey = true, key }
}

// SequenceOption is an [Option], or one that only a [Sequence] has.
type SequenceOption interface{ apply(*settings) }

func (o Option) apply(s *settings) { o(s) }

type prefetch int

func (n prefetch) apply(s *settings) { s.prefetch = int(n) }

// WithPrefetch lets a [Sequence] keep up to n ids in stock, which it fetches ahead of
// the calls. A call then takes an id from memory, with an atomic add. Only Weak
// sequences may have a stock, and a sequence whose mode is not named becomes Weak. The
// default is 0, which means no stock. The smallest stock is 2.
//
// What is in stock when the program ends is a gap. The stock starts with one id and
// grows with the calls until it lasts for one to two seconds, which bridges the restart
// of a worker. It never holds more than n ids, nor more than 200 000.
func WithPrefetch(n int) SequenceOption { return prefetch(n) }

// WithOwnInbox lets the client keep a subscription of its own for answers, from
// the first request to the end of the connection, and use a few reply subjects
// again and again. That is worth it for a client that has many requests under way
// at once: the server forwards an answer at half the cost. It is for [New]; a
// connection needs one such client, not many.
func WithOwnInbox() Option { return func(s *settings) { s.ownInbox = true } }

// WithHeaders has f add headers to every request before it is sent. A tracing library
// passes a trace on in this way. ctx is the call's context or a child of it. The
// requests of a [Sequence] belong to several calls, so their ctx is no call's. header
// is empty at first, and f must not block.
//
// The headers that seqd reads (Seq-Count, Seq-Mode, Seq-Timeout-Ms and Accept, in any
// case) are removed if f sets them. If f sets an Idempotency-Key, the call ends as an
// [ErrBadRequest], because f's author would rely on it; use [WithIdempotencyKey].
func WithHeaders(f func(ctx context.Context, header nats.Header)) Option {
	return func(s *settings) { s.headers = f }
}

// with returns the settings after opts. The error, an [ErrBadRequest], names
// the setting.
func with[O SequenceOption](s *settings, opts []O) (settings, error) {
	if len(opts) == 0 {
		return *s, nil
	}
	changed := *s
	for _, opt := range opts {
		opt.apply(&changed)
	}
	return changed, changed.valid()
}

func (s *settings) valid() error {
	if err := subjects.CheckToken("root", s.root); err != nil {
		return err
	}
	switch {
	case s.mode > Strong:
		return badRequest("mode must be Weak, Strong or DefaultMode, not %d", s.mode)
	case s.timeout <= 0:
		return badRequest("timeout must be more than 0, not %v", s.timeout)
	case s.attemptTimeout <= 0:
		return badRequest("attempt timeout must be more than 0, not %v", s.attemptTimeout)
	case s.patience < 0:
		return badRequest("patience with no responders must not be below 0, but is %v", s.patience)
	case s.repeatable && (len(s.idempotencyKey) < 1 || len(s.idempotencyKey) > subjects.MaxIdempotencyKeyLen):
		return badRequest("idempotency key must have 1 to %d bytes, not %d", subjects.MaxIdempotencyKeyLen, len(s.idempotencyKey))
	case s.prefetch < 0 || s.prefetch == 1:
		return badRequest("prefetch must be 0 or at least 2, not %d", s.prefetch)
	}
	return nil
}

// ConnectOptions returns settings for nats.Connect that a program which runs for
// long should have. nats.go's own defaults close the connection for good after
// about two minutes without a server, or when it refuses the same credentials
// twice, and take four minutes or more to notice a server that fell silent.
//
//   - MaxReconnects(-1): reconnect for ever.
//   - IgnoreAuthErrorAbort: reconnect even if credentials are refused, as they
//     are for a moment while they are being replaced.
//   - PingInterval(5 s), MaxPingsOutstanding(2): give up a silent server after 15 s.
//   - ReconnectBufSize(-1): send nothing while disconnected. Buffered requests
//     would go out after their callers gave up, and spend ids for nobody.
//
// Append your own (name, credentials, TLS): the later one wins.
func ConnectOptions() []nats.Option {
	return []nats.Option{
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(5 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.ReconnectBufSize(-1),
	}
}
