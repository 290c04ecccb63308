package etcd

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
)

// Incarnation returns the name of the counters, a UUID that their first worker
// made, "" while it has not been read.
func (c *Counter) Incarnation() string {
	c.guard.mu.Lock()
	defer c.guard.mu.Unlock()
	return c.guard.known.store
}

// History is where an etcd's history stands, and how that agrees with the
// record and with what this machine remembers.
type History struct {
	Incarnation // the record; its Store is "" where there is none

	Cluster  string // etcd's id now, as etcdctl writes it: hex
	Revision int64  // etcd's now
	Term     uint64 // raft's now

	RecordedRevision int64    // what the record holds
	StateFiles       []string // what this machine remembers of it

	// Fenced says why workers that know as much would answer FENCED: an
	// [allocator.ErrFenced]. nil: they would not. WaysOut says what an operator
	// can do about it.
	Fenced  error
	WaysOut string
}

// History judges etcd's history as a worker does that starts with those folders,
// by the same transaction, which writes nothing: it goes through consensus, quota
// and permissions, and its compare can't hold. stateDir, fenceDir and endpoints
// are as in [Config] and [DialConfig].
//
// The error is an [allocator.ErrUnavailable] where no write would be accepted,
// an [allocator.ErrUnreadable] where the record is not understood; it may be a
// state file's, too.
func (a *Admin) History(ctx context.Context, stateDir, fenceDir string, endpoints []string) (History, error) {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), adminPatience)
	defer cancel()
	g := guard{kv: a.client, prefix: a.prefix, memory: memory{dir: stateDir, fences: fenceDir, here: placeOf(a.prefix, endpoints)}}
	h := History{}
	memories, err := g.memory.recall() // before the read: what is known then must not be later
	if err != nil {
		return h, err
	}
	f, err := g.read(ctx)
	if err != nil {
		return h, err
	}
	h.Cluster, h.Revision, h.Term = clusterHex(f.now.cluster), f.now.rev, f.now.term
	if f.rec != nil {
		h.Incarnation = Incarnation{Store: f.rec.store, Epoch: f.rec.epoch, Floor: f.rec.floor}
		h.RecordedRevision = f.rec.seen.rev
	}
	m := memories.against(f.rec, g.memory.here)
	h.StateFiles = m.files
	what, err := f.judge(m.known)
	if what == wait {
		err = fmt.Errorf("%w: raft's term is %d and was %d", allocator.ErrFenced, f.now.term, max(m.seen.term, f.rec.seen.term))
	}
	if h.Fenced = err; err != nil {
		h.WaysOut = g.waysOut(m.store, f)
	}
	return h, nil
}

// Compacted returns the revision up to which etcd has thrown its history away, 0
// if it never has, and the revision it is at. It needs no more permissions than
// a worker has.
func (a *Admin) Compacted(ctx context.Context) (compacted, now int64, err error) {
	path := a.prefix + incarnationPath
	resp, err := a.get(ctx, path)
	if err != nil {
		return 0, 0, fmt.Errorf("read etcd's revision: %w", err)
	}
	now = resp.Header.Revision
	if _, err = a.get(ctx, path, clientv3.WithRev(1)); !errors.Is(err, rpctypes.ErrCompacted) {
		if err != nil {
			err = fmt.Errorf("read at revision 1: %w", err)
		}
		return 0, now, err
	}
	// Only a watch that comes too late is told how far the compaction is.
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), adminPatience)
	defer cancel()
	for r := range a.client.Watch(ctx, path, clientv3.WithRev(1)) {
		if r.CompactRevision > 0 {
			return r.CompactRevision, now, nil
		}
		if err := r.Err(); err != nil {
			return 0, now, fmt.Errorf("watch from revision 1: %w: %w", allocator.ErrUnavailable, err)
		}
	}
	return 0, now, fmt.Errorf("watch from revision 1: %w: %w", allocator.ErrUnavailable, context.Cause(ctx))
}
