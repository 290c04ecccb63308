package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// Connect connects to NATS with options, which are added to its own.
type Connect func(options ...nats.Option) (*nats.Conn, error)

// At returns a Connect for a server that asks for no credentials.
func At(url string) Connect {
	return func(options ...nats.Option) (*nats.Conn, error) { return nats.Connect(url, options...) }
}

// requests is what all peers on NATS have in common: the callers' connections
// and a subject per key. All of them are asked by nats.go's Request, so that its
// cost is in all figures alike.
type requests struct {
	conns    []*nats.Conn
	subjects []string
	timeout  time.Duration
}

// open connects the callers. Subjects are <root>.<store>.<key>.
func (r *requests) open(connect Connect, root, store string, w Wiring) error {
	for range w.Connections {
		nc, err := connect(nats.Name("seqd bench"), nats.SkipSubjectValidation())
		if err != nil {
			r.close()
			return fmt.Errorf("connect to NATS: %w", err)
		}
		r.conns = append(r.conns, nc)
	}
	for _, key := range w.Keys {
		r.subjects = append(r.subjects, subjects.Subject(root, store, key))
	}
	r.timeout = w.Timeout
	return nil
}

func (r *requests) close() {
	for _, nc := range r.conns {
		nc.Close()
	}
	r.conns = nil
}

func (r *requests) of(caller int) *nats.Conn { return r.conns[caller%len(r.conns)] }

// Seqd asks seqd, as its contract says and without an SDK.
type Seqd struct {
	Connect Connect
	Root    string
	Store   string
	Mode    subjects.Mode
	N       int // ids in one request; 0 means 1
	Workers int // for the report
	ID      string
	Name    string

	requests
	body []byte
}

var _ Peer = (*Seqd)(nil)

// About says what is known of the mode: where the store chooses it, only that
// ids are unique.
func (s *Seqd) About() About {
	about := About{ID: s.ID, Name: s.Name, Workers: s.Workers, Promise: Unique, Durability: "by the store's mode"}
	switch s.Mode {
	case subjects.Strong:
		about.Promise, about.Durability = Strict, "etcd fsync, shared by who waits"
	case subjects.Weak:
		about.Durability = "etcd fsync, one a segment"
	}
	return about
}

// Open connects, and asks once.
func (s *Seqd) Open(ctx context.Context, w Wiring) error {
	s.N = max(s.N, 1)
	request := subjects.Request{N: s.N, Mode: s.Mode}
	s.body = request.Append(nil)
	if err := s.open(s.Connect, s.Root, s.Store, w); err != nil {
		return err
	}
	_, _, err := s.Ask(ctx, 0, 0)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("nobody answers %s: start a worker, as seqd dev does, or name a store that is served", s.subjects[0])
	case err != nil:
		return fmt.Errorf("ask %s: %w", s.subjects[0], err)
	}
	return nil
}

func (s *Seqd) Ask(_ context.Context, caller, key int) (first int64, n int, err error) {
	m, err := s.of(caller).Request(s.subjects[key], s.body, s.timeout)
	if err != nil {
		return 0, 0, err
	}
	reply, err := subjects.DecodeReply(m.Header, m.Data)
	if err != nil {
		return 0, 0, err
	}
	if reply.N != s.N {
		return 0, 0, fmt.Errorf("%w: asked for %d ids, got %d", errAlien, s.N, reply.N)
	}
	return reply.ID, reply.N, nil
}

func (s *Seqd) Close() { s.close() }

// errAlien is an answer that is not what was asked for.
var errAlien = errors.New("unexpected answer")

// Echo is the limit of the transport: a constant answer as long as seqd's, to a
// request as long as seqd's on a subject of the same shape.
type Echo struct {
	Connect Connect

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
	return About{ID: "echo", Name: "NATS echo", Durability: "none, nothing is kept"}
}

// Open connects, also the one who answers.
func (e *Echo) Open(_ context.Context, w Wiring) error {
	request := subjects.Request{N: 1, Mode: subjects.Strong}
	e.body = request.Append(nil)
	nc, err := e.Connect(nats.Name("seqd bench echo"), nats.SkipSubjectValidation())
	if err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	e.responder = nc
	reply := make([]byte, echoReply)
	_, err = nc.QueueSubscribe(subjects.Wildcard(echoRoot, Store), subjects.Queue, func(m *nats.Msg) {
		_ = nc.Publish(m.Reply, reply) // if the connection is gone the caller's timeout tells
	})
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	return e.open(e.Connect, echoRoot, Store, w)
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

// Store is the second token of the subjects that peers are compared on.
const Store = "bench"
