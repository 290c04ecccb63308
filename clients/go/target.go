package seqd

import (
	"context"
	"fmt"
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

// next asks for n ids until it has them or asking again can't help.
func (t *target) next(ctx context.Context, n int) (Range, error) {
	ids, err := retry(ctx, &t.settings, func(ctx context.Context) (Range, error) {
		return t.ask(ctx, n)
	})
	if err != nil {
		return Range{}, explain(t.store, t.key, err, t.hint(err))
	}
	return ids, nil
}

// ask sends one request and waits for its answer until ctx, which must have a
// deadline, ends.
func (t *target) ask(ctx context.Context, n int) (Range, error) {
	nc := t.client.nc
	switch {
	case nc.IsClosed():
		return Range{}, errWasClosed
	case !nc.IsConnected():
		// Sent now, it would wait in the connection's buffer and burn ids for
		// callers that have long given up.
		return Range{}, ErrNotConnected
	}
	req := subjects.Request{
		N:     n,
		Mode:  t.settings.mode,
		Nonce: subjects.IntNonce(t.client.nonce.Add(1)),
	}
	deadline, _ := ctx.Deadline()
	patience := max(time.Until(deadline).Milliseconds(), 1) // 0 would be outlived on arrival
	header := nats.Header{}
	if t.settings.headers != nil {
		t.settings.headers(ctx, header)
		ownHeaders(header)
	}
	header[subjects.TimeoutHeader] = []string{strconv.FormatInt(patience, 10)}
	msg := &nats.Msg{Subject: t.subject, Header: header, Data: req.Append(nil)}
	return t.client.request(ctx, msg, &req, t.settings.ownInbox)
}

// ownHeaders takes out of header what is not the caller's to set: a worker reads
// these in any case, and would answer another question than the client's.
func ownHeaders(header nats.Header) {
	for name := range header {
		for _, ours := range []string{subjects.CountHeader, subjects.ModeHeader, subjects.TimeoutHeader, subjects.AcceptHeader} {
			if strings.EqualFold(name, ours) {
				delete(header, name)
			}
		}
	}
}

// request sends msg, which carries req, and waits for its answer until ctx ends.
func (c *Client) request(ctx context.Context, msg *nats.Msg, req *subjects.Request, ownInbox bool) (Range, error) {
	if ownInbox {
		return c.inbox.request(ctx, msg, req)
	}
	answer, err := c.nc.RequestMsgWithContext(ctx, msg)
	if err != nil {
		return Range{}, err
	}
	return decode(answer, req)
}

// decode takes the ids out of an answer to req.
//
// An answer without req's nonce is a stranger's. It happens: where an account
// import rewrites reply subjects, nats.go gives any late answer to the only
// request that waits, and a stream that captures the subject acknowledges it.
// Taken for ids, a late answer would break the order that Strong promises. An
// error may lack the nonce, for the worker may have been unable to read it.
func decode(msg *nats.Msg, req *subjects.Request) (Range, error) {
	reply, err := subjects.DecodeReply(msg.Header, msg.Data)
	if reply.Nonce != req.Nonce {
		_, isError := msg.Header[subjects.ErrorCodeHeader]
		if reply.Nonce.IsSet() || !isError {
			return Range{}, errStranger
		}
	}
	if err != nil {
		return Range{}, err
	}
	if reply.N != req.N {
		return Range{}, &subjects.Error{
			Code: subjects.Internal,
			Text: fmt.Sprintf("the worker answered a request for %d ids with %d", req.N, reply.N),
		}
	}
	return Range{First: reply.ID, N: reply.N}, nil
}
