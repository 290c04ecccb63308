package seqd

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// target is one key of one store as a client asks for it: names checked,
// subject built. It is never changed.
type target struct {
	client   *Client
	settings settings
	store    string
	key      string // as the caller wrote it
	subject  string // with the key escaped
}

func newTarget[O SequenceOption](c *Client, store, key string, opts []O) (*target, error) {
	s, err := with(&c.settings, opts)
	if err != nil {
		return nil, err
	}
	if err := subjects.CheckToken("store", store); err != nil {
		return nil, err
	}
	escaped, err := subjects.Escape(key)
	if err != nil {
		return nil, err
	}
	return &target{
		client: c, settings: s, store: store, key: key,
		subject: subjects.Subject(s.root, store, escaped),
	}, nil
}

// call makes requests by ask until one succeeds or asking again can't help.
func call[A any](ctx context.Context, t *target, ask func(context.Context) (A, error)) (A, error) {
	answer, err := retry(ctx, &t.settings, ask)
	if err != nil {
		err = explain(t.store, t.key, err, t.hint(err))
	}
	return answer, err
}

// ask requests n ids.
func (t *target) ask(ctx context.Context, n int) (Range, error) {
	reply, err := t.request(ctx, n)
	return Range{First: reply.ID, N: reply.N}, err
}

// request sends one request and waits for its answer until ctx, which must have a
// deadline, ends.
func (t *target) request(ctx context.Context, n int) (subjects.Reply, error) {
	nc := t.client.nc
	switch {
	case nc.IsClosed():
		return subjects.Reply{}, errWasClosed
	case !nc.IsConnected():
		// Sent now, it would wait in the connection's buffer and burn ids for
		// callers that have long given up.
		return subjects.Reply{}, ErrNotConnected
	}
	req := subjects.Request{
		N:              n,
		Mode:           t.settings.mode,
		Nonce:          subjects.IntNonce(t.client.nonce.Add(1)),
		IdempotencyKey: t.settings.idempotencyKey,
	}
	deadline, _ := ctx.Deadline()
	patience := max(time.Until(deadline).Milliseconds(), 1) // 0 would be outlived on arrival
	header := nats.Header{}
	if t.settings.headers != nil {
		t.settings.headers(ctx, header)
		if err := t.ownHeaders(header); err != nil {
			return subjects.Reply{}, err
		}
	}
	header[subjects.TimeoutHeader] = []string{strconv.FormatInt(patience, 10)}
	msg := &nats.Msg{Subject: t.subject, Header: header, Data: req.Append(nil)}
	return t.client.request(ctx, msg, &req, t.settings.ownInbox)
}

// ownHeaders takes out of header what is not the caller's to set: a worker reads
// these in any case, and would answer another question than the client's. An
// idempotency key that the call has not is an error: if it were only taken out, its
// caller would believe that a second call gets the same ids.
func (t *target) ownHeaders(header nats.Header) error {
	for name := range header {
		for _, ours := range []string{
			subjects.CountHeader, subjects.ModeHeader, subjects.TimeoutHeader, subjects.AcceptHeader, subjects.IdempotencyHeader,
		} {
			if strings.EqualFold(name, ours) {
				if ours == subjects.IdempotencyHeader && !t.settings.repeatable {
					return badRequest("the header %s is not WithHeaders' to set: WithIdempotencyKey is for that", ours)
				}
				delete(header, name)
			}
		}
	}
	return nil
}

// request sends msg, which carries req, and waits for its answer until ctx ends.
func (c *Client) request(ctx context.Context, msg *nats.Msg, req *subjects.Request, ownInbox bool) (subjects.Reply, error) {
	if ownInbox {
		return c.inbox.request(ctx, msg, req)
	}
	answer, err := c.nc.RequestMsgWithContext(ctx, msg)
	if err != nil {
		return subjects.Reply{}, err
	}
	return decode(answer, req)
}

// decode takes the ids, and what comes with them, out of an answer to req.
//
// An answer without req's nonce is a stranger's. It happens: where an account
// import rewrites reply subjects, nats.go gives any late answer to the only
// request that waits, and a stream that captures the subject acknowledges it.
// Taken for ids, a late answer would break the order that Strong promises. An
// error may lack the nonce, for the worker may have been unable to read it.
func decode(msg *nats.Msg, req *subjects.Request) (subjects.Reply, error) {
	reply, err := subjects.DecodeReply(msg.Header, msg.Data)
	if reply.Nonce != req.Nonce {
		_, isError := msg.Header[subjects.ErrorCodeHeader]
		if reply.Nonce.IsSet() || !isError {
			return subjects.Reply{}, errStranger
		}
	}
	if err == nil && reply.N != req.N {
		err = internal("the worker answered a request for %d ids with %d", req.N, reply.N)
	}
	if err != nil {
		return subjects.Reply{}, err
	}
	return reply, nil
}
