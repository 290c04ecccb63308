package record

import (
	"net/url"
	"strings"

	"github.com/seqd-io/seqd/allocator"
)

// DefaultPrefix is where records are kept unless configured otherwise.
const DefaultPrefix = "/seqd"

// Prefix is below which records are kept, in its canonical form: see
// [CanonicalPrefix].
type Prefix string

// PrefixOf returns the canonical form of a prefix that its caller has checked, and of
// "", the default. It panics if it can't be a prefix.
func PrefixOf(prefix string) Prefix {
	if prefix == "" {
		return DefaultPrefix
	}
	canonical, err := CanonicalPrefix(prefix)
	if err != nil {
		panic("etcd: prefix " + err.Error())
	}
	return Prefix(canonical)
}

// Counters returns what the paths of all counters begin with.
func (p Prefix) Counters() string { return string(p) + CountersPath }

// CountersPath follows the prefix. A store's name holds no slash, so that store
// and key can't run into each other although a key may hold slashes.
const CountersPath = "/v1/counters/"

// Counter returns where the record of a key's counter is kept.
func (p Prefix) Counter(key allocator.Key) string {
	return p.Counters() + KeyName(key)
}

// Session returns where the [Session] of a process is kept.
func (p Prefix) Session(id string) string { return p.Sessions() + id }

// Sessions returns what the paths of all sessions begin with.
func (p Prefix) Sessions() string { return string(p) + "/v1/sessions/" }

// Answer returns where the [Answer] of a key is kept that has an idempotency key.
// That is the last part of the path, and holds no slash.
func (p Prefix) Answer(key allocator.Key, once string) string {
	return p.Answers() + KeyName(key) + "/" + url.PathEscape(once)
}

// Answers returns what the paths of all answers begin with.
func (p Prefix) Answers() string { return string(p) + "/v1/answers/" }

// Incarnation returns where the [Incarnation] is kept.
func (p Prefix) Incarnation() string { return string(p) + "/v1/incarnation" }

// Probe returns a path that is never written, for transactions that would write
// but for a compare that can't hold.
func (p Prefix) Probe() string { return string(p) + "/v1/probe" }

// Elsewhere returns the prefixes that used to be other places than p, and are not
// any more.
//
// Versions before this one took a prefix as it was spelled: a worker that was
// told /seqd/ kept its counters below /seqd//v1/, beside those of one that was
// told /seqd, and both issued the same ids. Now both are /seqd, where the other's
// counters would begin at 1. So workers look whether there are any, issue nothing
// while there are, and a jump of all counters takes them over.
func (p Prefix) Elsewhere() []Prefix { return []Prefix{p + "/", p + "//"} }

// KeyName is how a key is named in a counter's path and in a session.
func KeyName(key allocator.Key) string { return key.Store + "/" + key.Name }

// ParseKey reads a KeyName.
func ParseKey(path string) (allocator.Key, bool) {
	store, name, ok := strings.Cut(path, "/")
	return allocator.Key{Store: store, Name: name}, ok
}
