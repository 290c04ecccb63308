package operate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// Session is what a worker that owns counters has in etcd for as long as it
// serves. A worker without one issues no ids of the counters whose Owner it is.
type Session struct {
	Worker string
	Rev    int64 // another one after each renewal
	Err    error // why the record is not understood, an [allocator.ErrUnreadable]; else nil

	rec record.Session
}

// ErrNoSession is returned for a worker that has no session.
var ErrNoSession = errors.New("etcd: the worker has no session")

// Lease is how long the worker goes on after its latest renewal, some tenths of
// that less. It is 0 where Err is set.
func (s Session) Lease() time.Duration { return s.rec.Lease }

// StandsFor is how long others watch a session stand still before they end it.
func (s Session) StandsFor() time.Duration { return s.rec.ChallengerWaits() }

func sessionOf(worker string, value []byte, rev int64) Session {
	rec, err := record.DecodeSession(value)
	return Session{Worker: worker, Rev: rev, Err: err, rec: rec}
}

// Session returns a worker's. The error is ErrNoSession where it has none.
func (a *Admin) Session(ctx context.Context, worker string) (Session, error) {
	path := a.prefix.Session(worker)
	resp, err := a.get(ctx, path)
	switch {
	case err != nil:
		return Session{}, fmt.Errorf("read %s: %w", path, err)
	case len(resp.Kvs) == 0:
		return Session{}, fmt.Errorf("read %s: %w", path, ErrNoSession)
	}
	return sessionOf(worker, resp.Kvs[0].Value, resp.Kvs[0].ModRevision), nil
}

// Sessions returns those of all workers, by worker.
func (a *Admin) Sessions(ctx context.Context) (map[string]Session, error) {
	from := a.prefix.Sessions()
	end := clientv3.GetPrefixRangeEnd(from)
	all := map[string]Session{}
	for at, more := from, true; more; {
		resp, err := a.get(ctx, at, clientv3.WithRange(end), clientv3.WithLimit(listPage))
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", from, err)
		}
		for _, kv := range resp.Kvs {
			worker := strings.TrimPrefix(string(kv.Key), from)
			all[worker] = sessionOf(worker, kv.Value, kv.ModRevision)
			at = string(kv.Key) + "\x00"
		}
		more = resp.More
	}
	return all, nil
}

// MayOwn reports, by a transaction that can't write, whether this user could keep
// a session: nil if it could.
func (a *Admin) MayOwn(ctx context.Context) error {
	path := a.prefix.Session(a.by)
	if _, err := a.swap(ctx, &record.Swap{Path: path, Rev: record.Never}); err != nil {
		return fmt.Errorf("keep a session below %s: %w", a.prefix.Sessions(), err)
	}
	return nil
}

// depose ends a session that has stood still for as long as StandsFor says. It
// reports whether the session has gone; if not, it is another one by now.
func (a *Admin) depose(ctx context.Context, s Session) (gone bool, err error) {
	path := a.prefix.Session(s.Worker)
	resp, err := a.txn(ctx, func(txn clientv3.Txn) clientv3.Txn { return record.Remove(txn, path, s.Rev) })
	if err != nil {
		return false, fmt.Errorf("delete %s: %w", path, err)
	}
	return resp.Succeeded, nil
}
