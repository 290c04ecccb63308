package record

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// AttemptTimeout bounds one transaction. It must stay below 7 s, where etcd's
// server gives up by itself and the client sends the transaction a second time
// (https://github.com/etcd-io/etcd/issues/18424).
const AttemptTimeout = time.Second

// Swap is a compare-and-swap of one record. Nothing else writes one.
type Swap struct {
	Path  string
	Rev   int64  // the record's ModRevision must be this; 0: there must be none
	Value string // is written then

	// Guards must hold besides.
	Guards []Guard
}

// Guard is a record that must have been created at a revision, and be there
// since; 0: it must not be there.
type Guard struct {
	Path    string
	Created int64
}

// Compare is what must hold.
func (g Guard) Compare() clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(g.Path), "=", g.Created)
}

// Never is a Rev that no record has: a swap that only shows whether it could be
// written, and what stands there.
const Never = -1

// In makes s a whole transaction. A lost one brings the record back, in the same
// round trip.
func (s *Swap) In(txn clientv3.Txn) clientv3.Txn {
	return txn.If(s.compares()...).Then(s.Put()).Else(s.get())
}

// Nested is s as a transaction in another, to be won or lost by itself.
func (s *Swap) Nested() clientv3.Op {
	return clientv3.OpTxn(s.compares(), []clientv3.Op{s.Put()}, []clientv3.Op{s.get()})
}

func (s *Swap) compares() []clientv3.Cmp {
	all := make([]clientv3.Cmp, 0, 1+len(s.Guards))
	all = append(all, s.Compare())
	for _, g := range s.Guards {
		all = append(all, g.Compare())
	}
	return all
}

// Compare is what must hold of the record for s to be won.
func (s *Swap) Compare() clientv3.Cmp {
	return clientv3.Compare(clientv3.ModRevision(s.Path), "=", s.Rev)
}

// Put is what s writes.
func (s *Swap) Put() clientv3.Op { return clientv3.OpPut(s.Path, s.Value) }

func (s *Swap) get() clientv3.Op { return clientv3.OpGet(s.Path) }

// Remove makes a whole transaction that deletes a record if its ModRevision is
// rev. If it is another one the record comes back, as [SwappedBy] reads it.
func Remove(txn clientv3.Txn, path string, rev int64) clientv3.Txn {
	s := Swap{Path: path, Rev: rev}
	return txn.If(s.Compare()).Then(clientv3.OpDelete(path)).Else(s.get())
}

// Send sends s alone. After an error it may have been won, or be later.
func (s *Swap) Send(ctx context.Context, kv clientv3.KV) (Swapped, error) {
	resp, err := s.In(kv.Txn(ctx)).Commit()
	if err != nil {
		return Swapped{}, err
	}
	return SwappedBy(resp.Header.Revision, resp.Succeeded, resp.Responses), nil
}

// Swapped is what became of a swap that was answered.
type Swapped struct {
	Won bool
	Rev int64            // if won, the record's ModRevision now
	KV  *mvccpb.KeyValue // if lost, the record; nil where there is none
}

// SwappedBy reads the answer to one swap. All puts of a transaction share its
// revision.
func SwappedBy(rev int64, won bool, responses []*etcdserverpb.ResponseOp) (s Swapped) {
	if won {
		return Swapped{Won: true, Rev: rev}
	}
	if kvs := responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
		s.KV = kvs[0]
	}
	return s
}

// TooLarge reports whether a smaller transaction may do better: etcd's
// --max-txn-ops or --max-request-bytes is lower than ours is large, or gRPC's
// limit is, here, in etcd, or in a proxy between.
func TooLarge(err error) bool {
	known := rpctypes.Error(err)
	if errors.Is(known, rpctypes.ErrTooManyOps) || errors.Is(known, rpctypes.ErrRequestTooLarge) {
		return true
	}
	// gRPC has one code for all that it has no room for, and tells them apart by
	// text only.
	return status.Code(err) == codes.ResourceExhausted && strings.Contains(err.Error(), "larger than max")
}
