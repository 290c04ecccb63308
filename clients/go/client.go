package seqd

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// Client asks for ids over one NATS connection. Create it with [New]. It is
// safe for concurrent use, holds nothing that must be closed and starts no
// goroutine.
type Client struct {
	nc       *nats.Conn
	settings settings
	nonce    atomic.Uint64 // of the last request; starts at random
	inbox    inbox         // for requests WithOwnInbox
}

// New returns a client that asks over nc. The connection stays the caller's,
// who closes it; see [ConnectOptions] for settings it should have. New does not
// block and sends nothing.
//
// The error is an [ErrBadRequest] that names the option.
func New(nc *nats.Conn, opts ...Option) (*Client, error) {
	if nc == nil {
		return nil, fmt.Errorf("seqd: new client: %w: it is nil; connect with nats.Connect first", nats.ErrInvalidConnection)
	}
	s, err := with(&defaults, opts)
	if err != nil {
		return nil, fmt.Errorf("seqd: new client: %w", err)
	}
	if s.repeatable {
		return nil, fmt.Errorf("seqd: new client: %w", badRequest("an idempotency key is for one call, not for a client, whose calls would all get the same ids"))
	}
	c := &Client{nc: nc, settings: s, inbox: inbox{nc: nc}}
	c.nonce.Store(rand.Uint64())
	return c, nil
}

// Next returns the next id of key in store. It is NextN for one id.
func (c *Client) Next(ctx context.Context, store, key string, opts ...Option) (int64, error) {
	ids, err := c.NextN(ctx, store, key, 1, opts...)
	return ids.First, err
}

// NextN returns the next n ids of key in store, a range without holes. A store
// serves at most its max_count at once, 100 000 unless configured.
//
// store is a name of 1 to 64 of the characters A-Za-z0-9_-. key is any text
// that is not empty: it is escaped for the wire, where it may have 200 bytes.
// Options given here hold for this call only.
//
// NextN blocks until the ids are there, ctx ends or the timeout (2 s unless
// [WithTimeout] says otherwise) passes. The error wraps, for use with errors.Is:
//
//   - one of [ErrBusy], [ErrNoWorkers], [ErrTimeout] and so on, for what the last
//     attempt that was not cut short came to;
//   - context.DeadlineExceeded if the time ran out, or would have before the next
//     attempt; context.Canceled and the context's cause if ctx was cancelled;
//   - the NATS client's error if the connection is closed or can't be used.
//
// It is an [*Error], which says whether ids may have been spent.
func (c *Client) NextN(ctx context.Context, store, key string, n int, opts ...Option) (Range, error) {
	t, err := newTarget(c, store, key, opts)
	if err == nil {
		err = checkN(n, subjects.MaxN)
	}
	if err != nil {
		return Range{}, explain(store, key, err, "")
	}
	return call(ctx, t, func(ctx context.Context) (Range, error) { return t.ask(ctx, n) })
}

// Numbers returns the next n ids of key in store, 1 to 1000, with their numbers for
// people. Those are as the configuration of the store or the key says. Of a key
// without numbers it returns the ids, and the rest is empty. Arguments, options and
// error are as [Client.NextN] describes them.
func (c *Client) Numbers(ctx context.Context, store, key string, n int, opts ...Option) (Numbers, error) {
	t, err := newTarget(c, store, key, opts)
	if err == nil {
		err = checkN(n, subjects.MaxNumbers)
	}
	if err != nil {
		return Numbers{}, explain(store, key, err, "")
	}
	return call(ctx, t, func(ctx context.Context) (Numbers, error) { return t.askNumbers(ctx, n) })
}

func checkN(n int, most int64) error {
	if n < 1 || int64(n) > most {
		return badRequest("n must be between 1 and %d, not %d", most, n)
	}
	return nil
}
