package history

import (
	"context"
	"fmt"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Diagnosis is where an etcd's history stands, and how that agrees with the
// record and with what this machine remembers.
type Diagnosis struct {
	record.Incarnation // the record; its Store is "" where there is none

	Cluster  string // etcd's id now, as etcdctl writes it: hex
	Revision int64  // etcd's now
	Term     uint64 // raft's now

	StateFiles []string // what this machine remembers of it

	// Fenced says why workers that know as much would answer FENCED: an
	// [allocator.ErrFenced]. nil: they would not. WaysOut says what an operator
	// can do about it.
	Fenced  error
	WaysOut string
}

// Diagnose judges etcd's history as a worker does that starts with those folders,
// by the same transaction, which writes nothing: it goes through consensus, quota
// and permissions, and its compare can't hold.
//
// The error is an [allocator.ErrUnavailable] where no write would be accepted,
// an [allocator.ErrUnreadable] where the record is not understood; it may be a
// state file's, too.
func Diagnose(ctx context.Context, kv clientv3.KV, config Config) (Diagnosis, error) {
	g := Guard{kv: kv, prefix: config.Prefix, memory: config.memory()}
	h := Diagnosis{}
	memories, err := g.memory.recall() // before the read: what is known then must not be later
	if err != nil {
		return h, err
	}
	f, err := g.read(ctx)
	if err != nil {
		return h, err
	}
	h.Cluster, h.Revision, h.Term = record.ClusterHex(f.now.Cluster), f.now.Rev, f.now.Term
	if f.rec != nil {
		h.Incarnation = *f.rec
	}
	m := memories.against(f.rec, g.memory.here)
	h.StateFiles = m.files
	what, err := f.judge(m.known)
	if what == wait {
		err = fmt.Errorf("%w: raft's term is %d and was %d", allocator.ErrFenced, f.now.Term, max(m.Seen.Term, f.rec.Seen.Term))
	}
	if h.Fenced = err; err != nil {
		h.WaysOut = g.waysOut(m.Store, f)
	}
	return h, nil
}
