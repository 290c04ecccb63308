package history

import (
	"errors"
	"log/slog"
	"sync"

	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// What [Config.Advise] is asked about, for the lines of the log.
var (
	// ErrUnmarked says that there were counters and no incarnation.
	ErrUnmarked = errors.New("etcd: counters were there without an incarnation")

	// ErrForgetful says that this machine remembers nothing.
	ErrForgetful = errors.New("etcd: nothing is remembered on this machine")
)

// NarrowError says that a user may not look for counters at other spellings of
// the prefix.
type NarrowError struct{ Prefix record.Prefix }

func (e *NarrowError) Error() string {
	return "etcd: may not look at other spellings of " + string(e.Prefix)
}

// report says in the log what a check finds out.
type report struct {
	log    *slog.Logger
	advise func(error) string
	once   sync.Once // for forgetful
}

func (r *report) jumped(rec record.Incarnation) {
	r.log.Info("etcd's epoch was raised: going on", "incarnation", rec.Lineage, "epoch", rec.Epoch, "floor", rec.Floor)
}

func (r *report) unmarked(prefix record.Prefix, rec record.Incarnation) {
	r.log.Warn("counters were there without an incarnation: taking them as they are", "prefix", prefix, "incarnation", rec.Lineage,
		"hint", r.advise(ErrUnmarked))
}

func (r *report) narrowed(prefix record.Prefix) {
	r.log.Warn("this user may not look for counters at other spellings of the prefix, and goes on without", "prefix", prefix,
		"hint", r.advise(&NarrowError{prefix}))
}

// forgetful says once that the guard goes on without a memory.
func (r *report) forgetful(err error) {
	r.once.Do(func() {
		r.log.Warn("can't remember etcd's history on this machine: a worker that starts after etcd was restored may not notice", "err", err,
			"hint", r.advise(ErrForgetful))
	})
}
