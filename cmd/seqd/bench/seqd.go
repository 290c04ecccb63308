package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// Seqd asks seqd, as its contract says and without an SDK.
type Seqd struct {
	Connect Connect
	Root    string
	Store   string
	Mode    subjects.Mode
	N       int  // ids in one request; 0 means 1
	Workers int  // for the report
	Leased  bool // the store has a lease; for the report
	ID      string
	Name    string

	requests
	body []byte
}

var _ Peer = (*Seqd)(nil)

// About says what is known of the mode: where the store chooses it, only that
// ids are unique.
func (s *Seqd) About() About {
	about := About{ID: s.ID, Name: s.Name, Workers: s.Workers, Promise: Unique, Durability: "that of the store's mode"}
	switch s.Mode {
	case subjects.Strong:
		about.Promise, about.Durability = Strict, "etcd fsync, shared"
		if s.Leased {
			about.Durability = "etcd fsync, per window"
		}
	case subjects.Weak:
		about.Durability = "etcd fsync, per segment"
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
		return fmt.Errorf("nobody answers %s: %w", s.subjects[0], err)
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
