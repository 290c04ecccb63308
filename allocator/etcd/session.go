package etcd

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// session is this process's [record.Session], and the Tenure that it stands for.
//
// A Tenure lasts until a time that is counted from before the latest renewal was
// sent which is known to have succeeded: an answer that took long, or that came
// after a pause, gives no time. It ends when the record is found to be gone or to
// be another one than was written.
type session struct {
	turn sync.Mutex // for the one who writes the record

	mu       sync.Mutex
	rev      int64 // the record's ModRevision; 0: there is none, as far as is known
	created  int64 // its CreateRevision; 0 with rev
	tenure   *allocator.Tenure
	releases int           // swaps under way that let go of keys
	released chan struct{} // closed when there is none any more; nil: nobody waits
}

var errNoSession = fmt.Errorf("%w: this process has no session", allocator.ErrUnowned)

// current returns the Tenure that keys may be claimed in now, and the
// CreateRevision of the record that must be there then.
func (s *session) current(now time.Time) (t *allocator.Tenure, created int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.tenure.Holds(now) {
		return nil, 0, errNoSession
	}
	return s.tenure, s.created, nil
}

// end ends the Tenure. The record stays, and its next renewal begins another one.
func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tenure.End()
	s.tenure = nil
}

// gone notes that the record with that CreateRevision is not there any more.
func (s *session) gone(created int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.created == created {
		s.tenure.End()
		s.tenure, s.rev, s.created = nil, 0, 0
	}
}

func (s *session) known() (rev int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rev
}

// found takes what the record was found to be, and ends the Tenure if that is
// another one's.
func (s *session) found(rev, created int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if created != s.created {
		s.tenure.End()
		s.tenure = nil
	}
	s.rev, s.created = rev, created
}

// renewed takes what a renewal sent at that time came to.
func (s *session) renewed(rev int64, sent, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rev == 0 {
		s.created = rev
	}
	s.rev = rev
	if s.tenure == nil {
		s.tenure = allocator.NewTenure(sent, until)
	} else {
		s.tenure.Extend(until)
	}
}

// Renew writes the session: see [allocator.Source]. Without a lease it does
// nothing.
func (c *Counter) Renew(ctx context.Context) error {
	if c.config.Lease == 0 {
		return nil
	}
	s := &c.session
	s.turn.Lock()
	defer s.turn.Unlock()
	mine := record.Session{Lease: c.config.Lease}
	for {
		sent := c.config.Now()
		renewal := record.Swap{Path: c.prefix.Session(c.config.Writer), Rev: s.known(), Value: mine.Encode()}
		out, err := c.swapNow(ctx, renewal.In)
		switch {
		case err != nil:
			return fmt.Errorf("renew the session: %w", err)
		case out.Won:
			s.renewed(out.Rev, sent, sent.Add(mine.HolderStops()))
			return nil
		case out.KV == nil:
			s.found(0, 0)
		default:
			if err := c.obey(out.KV.Value); err != nil {
				return err // what is not understood is not renewed over
			}
			s.found(out.KV.ModRevision, out.KV.CreateRevision)
		}
	}
}

// obey drops what an operator has told this process, in its session, to let go of.
func (c *Counter) obey(value []byte) error {
	session, err := record.DecodeSession(value)
	if err != nil {
		return err
	}
	if session.LetsAllGo() {
		c.session.end()
		return nil
	}
	for _, path := range session.LetGo {
		if key, ok := record.ParseKey(path); ok && c.hooks.Drop != nil {
			c.hooks.Drop(key)
		}
	}
	return nil
}

// LetGo deletes the session: see [allocator.Source].
func (c *Counter) LetGo(ctx context.Context) error {
	s := &c.session
	s.end()
	s.turn.Lock()
	defer s.turn.Unlock()
	s.end() // a renewal may have been under way
	if err := s.awaitReleases(ctx); err != nil {
		return fmt.Errorf("let go of keys: %w", err)
	}
	for rev := s.known(); rev != 0; rev = s.known() {
		kv, err := c.deleteSession(ctx, c.config.Writer, rev)
		switch {
		case err != nil:
			return fmt.Errorf("delete the session: %w", err)
		case kv == nil:
			s.found(0, 0)
		default: // an operator's word, or a renewal whose answer did not come
			s.found(kv.ModRevision, kv.CreateRevision)
		}
	}
	return nil
}

// deleteSession deletes a session's record if its ModRevision is rev. It returns
// the record if it is another one, and nil if there is none any more.
func (c *Counter) deleteSession(ctx context.Context, id string, rev int64) (*mvccpb.KeyValue, error) {
	out, err := c.swapNow(ctx, func(txn clientv3.Txn) clientv3.Txn { return record.Remove(txn, c.prefix.Session(id), rev) })
	return out.KV, err
}

// swapNow sends a transaction that swaps or removes one record, beside those that
// are due.
func (c *Counter) swapNow(ctx context.Context, build func(clientv3.Txn) clientv3.Txn) (record.Swapped, error) {
	resp, err := c.txns.txn(clientv3.WithRequireLeader(ctx), build)
	if err != nil {
		return record.Swapped{}, err
	}
	return record.SwappedBy(resp.Header.Revision, resp.Succeeded, resp.Responses), nil
}
