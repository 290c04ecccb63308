package bench

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// Echo is the limit of the transport: a constant answer as long as seqd's, to a
// request as long as seqd's on a subject of the same shape.
type Echo struct {
	Connect   Connect
	Elsewhere bool // who answers is there already: see Respond

	requests
	body      []byte
	responder *nats.Conn
}

const (
	echoRoot  = "ech"
	echoReply = 20 // bytes: a plain reply of seqd's
)

var _ Peer = (*Echo)(nil)

func (e *Echo) About() About {
	return About{ID: "echo", Name: "NATS echo", Durability: "none"}
}

// Open connects, also the one who answers, unless that one is elsewhere. Then it
// asks once.
func (e *Echo) Open(ctx context.Context, w Wiring) error {
	if e.Elsewhere {
		if err := e.ask(e.Connect, echoRoot, w); err != nil {
			return err
		}
		if _, _, err := e.Ask(ctx, 0, 0); err != nil {
			return fmt.Errorf("ask %s: %w", e.subjects[0], err)
		}
		return nil
	}
	var err error
	if e.responder, err = Respond(e.Connect); err != nil {
		return err
	}
	return e.ask(e.Connect, echoRoot, w)
}

// ask connects the callers.
func (e *Echo) ask(connect Connect, root string, w Wiring) error {
	request := subjects.Request{N: 1, Mode: subjects.Strong}
	e.body = request.Append(nil)
	return e.open(connect, root, Store, w)
}

// Respond answers every Echo on a connection of its own, until that is closed.
func Respond(connect Connect) (*nats.Conn, error) {
	nc, err := connect(nats.Name("seqd bench echo"), nats.SkipSubjectValidation())
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	reply := make([]byte, echoReply)
	_, err = nc.QueueSubscribe(subjects.Wildcard(echoRoot, Store), subjects.Queue, func(m *nats.Msg) {
		_ = nc.Publish(m.Reply, reply) // if the connection is gone the caller's timeout tells
	})
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	return nc, nil
}

func (e *Echo) Ask(_ context.Context, caller, key int) (first int64, n int, err error) {
	m, err := e.of(caller).Request(e.subjects[key], e.body, e.timeout)
	if err != nil {
		return 0, 0, err
	}
	if len(m.Data) != echoReply {
		return 0, 0, errAlien
	}
	return 0, 0, nil
}

func (e *Echo) Close() {
	e.close()
	if e.responder != nil {
		e.responder.Close()
	}
}
