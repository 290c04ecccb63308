package record

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// sessionFormat is raised when older workers must not go on with a session.
const sessionFormat = 1

// Session is the record of a process that owns keys. It is renewed by
// compare-and-swap, so that it has another ModRevision, for as long as the
// process serves; whoever has seen it stand still for long enough may delete it,
// and then take the keys over. It is not an etcd lease, whose end etcd decides by
// a clock of its own.
type Session struct {
	Lease time.Duration // in whole milliseconds
	LetGo []string      // keys that an operator has raised, by KeyName; AllKeys stands for all
}

// AllKeys stands in a Session's LetGo for all keys of its process.
const AllKeys = "*"

// LetsAllGo reports whether no key may be issued from a window reserved before.
func (s Session) LetsAllGo() bool { return slices.Contains(s.LetGo, AllKeys) }

// LetsGo reports whether the key of that KeyName may not.
func (s Session) LetsGo(name string) bool { return s.LetsAllGo() || slices.Contains(s.LetGo, name) }

// maxLeaseMs is a day: more is a mistake, and far more would overflow.
const maxLeaseMs = 24 * 60 * 60 * 1000

type sessionJSON struct {
	Fmt     int      `json:"fmt"`
	LeaseMs int64    `json:"lease_ms"`
	LetGo   []string `json:"let_go,omitempty"`
}

// Encode returns the record as etcd keeps it.
func (s Session) Encode() string {
	b, _ := json.Marshal(sessionJSON{sessionFormat, s.Lease.Milliseconds(), s.LetGo}) // numbers and strings always marshal
	return string(b)
}

// DecodeSession reads a record, and refuses what a newer version may have
// written.
func DecodeSession(value []byte) (Session, error) {
	var raw sessionJSON
	err := DecodeStrictly(value, &raw)
	switch {
	case err != nil:
		return Session{}, fmt.Errorf("%w: the session %.200q: %v", allocator.ErrUnreadable, value, err)
	case raw.Fmt != sessionFormat:
		return Session{}, fmt.Errorf("%w: the session has format %d, this version knows %d", allocator.ErrUnreadable, raw.Fmt, sessionFormat)
	case raw.LeaseMs <= 0 || raw.LeaseMs > maxLeaseMs:
		return Session{}, fmt.Errorf("%w: the session %.200q: lease_ms must be between 1 and %d", allocator.ErrUnreadable, value, int64(maxLeaseMs))
	}
	return Session{Lease: time.Duration(raw.LeaseMs) * time.Millisecond, LetGo: raw.LetGo}, nil
}

// The instants of a lease. A process that owns keys stops a margin before its
// lease ends, by its clock, counted from before it sent the renewal; and who
// wants to take over waits for a margin longer, by his, counted from after he saw
// it. So it takes clocks whose rates differ by more than 22 % for both to issue
// at a time.

// HolderStops returns how long after it sent its latest renewal a process stops.
func (s Session) HolderStops() time.Duration { return s.Lease - s.Lease/10 }

// ChallengerWaits returns how long a session must be seen to stand still before
// it may be deleted.
func (s Session) ChallengerWaits() time.Duration { return s.Lease + s.Lease/10 }

// RenewEvery returns how often a session is renewed.
func (s Session) RenewEvery() time.Duration { return s.Lease / 3 }
