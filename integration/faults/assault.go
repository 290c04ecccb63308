package faults

import (
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/integration/pace"
)

// assault is a system under attackers, with ordinary callers beside them.
type assault struct {
	*system
	throng *throng
	ids    []string // of the workers, at their start
	seed   uint64   // what attackers send is drawn by

	fired, heard, twice atomic.Int64 // shots; answers to them; answers beyond the first
	unserved            atomic.Int64 // shots of which NATS says that nobody listens
	spoilt              atomic.Int64 // requests in messages between workers that were spoilt: nobody knows what they say

	mu       sync.Mutex
	problems []error         // a few
	asked    map[uint64]bool // hashes of well-formed names that were asked for
	hash     maphash.Seed
}

// assaultLease is long: on a machine that has much to do no owner is to lose its
// keys.
const assaultLease = 20 * time.Second

// assaultConfig lets a worker hold few keys, so that its memory is full soon.
const assaultConfig = "  \"*\": {}\nmax_keys: 2000"

// The users that attack, and what a tenant may publish to.
const (
	neighbour  = "neighbour"
	tenant     = "tenant"
	tenantsOwn = "seq.evil."
)

// assaultUsers may do what their name says: a neighbour is a tenant whose permissions
// let it reach what workers tell each other, by mistake. A tenant has the permissions of deploy/nats/one-account.conf.
const assaultUsers = `,
  {user: neighbour, password: neighbour, permissions: {publish: ["seq.>", "_SEQD.>", "$SRV.>", "_INBOX.>"], subscribe: ["R.>"]}},
  {user: tenant, password: tenant, permissions: {publish: ["seq.evil.>"], subscribe: ["R.>"]}}`

func newAssault(t testing.TB, bin binaries, seed uint64) *assault {
	t.Helper()
	s := &assault{system: newSystem(t, bin, plan{natsUsers: true, config: assaultConfig, lease: assaultLease}), seed: seed, asked: map[uint64]bool{}, hash: maphash.MakeSeed()}
	server := s.nats[0]
	server.conf.others = assaultUsers
	server.reload(t)
	eventually(t, pace.Patience, "attackers may connect", func() error {
		nc, err := nats.Connect(server.url(tenant))
		if err == nil {
			nc.Close()
		}
		return err
	})
	for _, w := range s.workers {
		s.ids = append(s.ids, w.id())
	}
	return s
}

func (s *assault) problemf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.problems) < maxProblems {
		s.problems = append(s.problems, fmt.Errorf(format, args...))
	}
}

func (s *assault) found() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.problems...)
}

// asks notes that somebody asked for a key: its counter may be made.
func (s *assault) asks(key allocator.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[maphash.Comparable(s.hash, key)] = true
}

func (s *assault) wasAsked(key allocator.Key) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[maphash.Comparable(s.hash, key)]
}

// got holds ids that an attacker got against those of everybody else.
func (s *assault) got(key allocator.Key, ids allocator.Range) error {
	for i, k := range s.throng.keys {
		if k == key {
			return s.throng.tallies[i].add(ids, 0)
		}
	}
	return nil
}

// unharmed returns an error if a worker has ended, has panicked, or has a data
// race.
func (s *assault) unharmed() error {
	var problems []error
	for i, w := range s.workers {
		if !w.running() || w.id() != s.ids[i] {
			problems = append(problems, fmt.Errorf("%s has ended", w.name))
		}
		for _, bad := range []string{"DATA RACE", "panic:", "fatal error:"} {
			if w.said(bad) {
				problems = append(problems, fmt.Errorf("%s: %s\n%s", w.name, bad, w.lastLines(60)))
			}
		}
	}
	return errors.Join(problems...)
}

// logged returns how many lines a worker has written, and an error if one of them
// holds what a terminal would obey.
func (w *worker) logged() (lines int, err error) {
	b, err := os.ReadFile(w.log)
	if err != nil {
		return 0, err
	}
	return strings.Count(string(b), "\n"), plainText(b)
}

// plainText returns an error if text holds control characters beside line ends and
// tabs.
func plainText(text []byte) error {
	for i, c := range string(text) {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f || c >= 0x80 && c < 0xa0 {
			return fmt.Errorf("control character %q at byte %d: %.80q", c, i, text[max(0, i-40):])
		}
	}
	return nil
}
