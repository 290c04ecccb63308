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

	RecordedRevision int64  // what the record holds
	StateFile        string // where this machine remembers; "": nowhere
	Remembered       bool   // there is such a file

	// Fenced says why workers that know as much would answer FENCED: an
	// [allocator.ErrFenced]. nil: they would not.
	Fenced error
}

// History judges etcd's history as a worker does that starts with that state
// folder, by the same transaction, which writes nothing: it goes through
// consensus, quota and permissions, and its compare can't hold. stateDir,
// strangers and endpoints are as in [Config] and [DialConfig].
//
// The error is an [allocator.ErrUnavailable] where no write would be accepted,
// an [allocator.ErrUnreadable] where the record is not understood; it may be the
// state file's, too.
func (a *Admin) History(ctx context.Context, stateDir string, strangers bool, endpoints []string) (History, error) {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), adminPatience)
	defer cancel()
	g := guard{kv: a.client, prefix: a.prefix, file: newStateFile(stateDir, strangers, endpoints, a.prefix)}
	h := History{StateFile: g.file.path}
	k, err := g.file.load() // before the read: what is known then must not be later
	if err != nil {
		return h, err
	}
	h.Remembered = k.store != ""
	kv, now, err := g.read(ctx)
	if err != nil {
		return h, err
	}
	h.Cluster, h.Revision, h.Term = clusterHex(now.cluster), now.rev, now.term
	var rec *incarnation
	if kv != nil {
		decoded, err := decodeIncarnation(kv.Value)
		if err != nil {
			return h, err
		}
		rec = &decoded
		h.Incarnation = Incarnation{Store: rec.store, Epoch: rec.epoch, Floor: rec.floor}
		h.RecordedRevision = rec.seen.rev
	}
	what, err := judge(k, rec, now, strangers)
	if what == wait {
		err = fmt.Errorf("%w: raft's term is %d and was %d", allocator.ErrFenced, now.term, max(k.seen.term, rec.seen.term))
	}
	h.Fenced = err
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
