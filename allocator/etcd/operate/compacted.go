package operate

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/history"
)

// History judges etcd's history as a worker does that starts with those folders:
// see [history.Diagnose].
func (a *Admin) History(ctx context.Context, stateDir, fenceDir string, endpoints []string) (history.Diagnosis, error) {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), adminPatience)
	defer cancel()
	return history.Diagnose(ctx, a.client, history.Config{Prefix: a.prefix, Endpoints: endpoints, StateDir: stateDir, FenceDir: fenceDir})
}

// Compacted returns the revision up to which etcd has thrown its history away, 0
// if it never has, and the revision it is at. It needs no more permissions than
// a worker has.
func (a *Admin) Compacted(ctx context.Context) (compacted, now int64, err error) {
	path := a.prefix.Incarnation()
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
