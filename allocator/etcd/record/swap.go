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

	// News are written with it, or not at all: there must be none of them.
	News []New
}

// New is a record that is made together with a swap, and ends with an etcd lease.
type New struct {
	Path, Value string
	Lease       clientv3.LeaseID
}

// Guard is a record that must have been created at a revision, and be there
// since; 0: it must not be there.
type Guard struct {
	Path    string
	Created int64
}

// Compare is what must hold. It is put together by hand, as clientv3.Compare copies
// what it is given by reflection, and a transaction may have a hundred of them.
func (g Guard) Compare() (cmp clientv3.Cmp) {
	c := cmp.GetCompare()
	c.Key, c.Result, c.Target = []byte(g.Path), etcdserverpb.Compare_EQUAL, etcdserverpb.Compare_CREATE
	c.TargetUnion = &etcdserverpb.Compare_CreateRevision{CreateRevision: g.Created}
	return cmp
}

// Never is a Rev that no record has: a swap that only shows whether it could be
// written, and what stands there.
const Never = -1

// In makes s a whole transaction. A lost one brings the record back, in the same
// round trip.
func (s *Swap) In(txn clientv3.Txn) clientv3.Txn {
	return txn.If(s.Compares()...).Then(s.Puts()...).Else(s.gets()...)
}

// Nested is s as a transaction in another, to be won or lost by itself.
func (s *Swap) Nested() clientv3.Op {
	return clientv3.OpTxn(s.Compares(), s.Puts(), s.gets())
}

// Compares are what must hold for s to be won.
func (s *Swap) Compares() []clientv3.Cmp {
	all := s.AppendCompares(make([]clientv3.Cmp, 0, 1+len(s.News)+len(s.Guards)))
	for _, g := range s.Guards {
		all = append(all, g.Compare())
	}
	return all
}

// AppendCompares appends what must hold of the records that s writes.
func (s *Swap) AppendCompares(all []clientv3.Cmp) []clientv3.Cmp {
	all = append(all, s.Compare())
	for _, n := range s.News {
		all = append(all, Guard{Path: n.Path}.Compare())
	}
	return all
}

// Compare is what must hold of the record itself.
func (s *Swap) Compare() (cmp clientv3.Cmp) {
	c := cmp.GetCompare()
	c.Key, c.Result, c.Target = []byte(s.Path), etcdserverpb.Compare_EQUAL, etcdserverpb.Compare_MOD
	c.TargetUnion = &etcdserverpb.Compare_ModRevision{ModRevision: s.Rev}
	return cmp
}

// Size is how many operations s is, but for its Guards.
func (s *Swap) Size() int { return 1 + len(s.News) }

// Puts are what s writes.
func (s *Swap) Puts() []clientv3.Op { return s.AppendPuts(make([]clientv3.Op, 0, s.Size())) }

// Put is what s writes of the record itself.
func (s *Swap) Put() clientv3.Op { return clientv3.OpPut(s.Path, s.Value) }

// AppendPuts appends what s writes.
func (s *Swap) AppendPuts(all []clientv3.Op) []clientv3.Op {
	all = append(all, s.Put())
	var put clientv3.Op // copied, as an option costs more than all the rest
	for i, n := range s.News {
		if i == 0 || n.Lease != s.News[i-1].Lease {
			put = clientv3.OpPut("", "", clientv3.WithLease(n.Lease))
		}
		put.WithKeyBytes([]byte(n.Path))
		put.WithValueBytes([]byte(n.Value))
		all = append(all, put)
	}
	return all
}

// gets are what a lost s reads.
func (s *Swap) gets() []clientv3.Op {
	all := append(make([]clientv3.Op, 0, s.Size()), clientv3.OpGet(s.Path))
	for _, n := range s.News {
		all = append(all, clientv3.OpGet(n.Path))
	}
	return all
}

// Remove makes a whole transaction that deletes a record if its ModRevision is
// rev. If it is another one the record comes back, as [SwappedBy] reads it.
func Remove(txn clientv3.Txn, path string, rev int64) clientv3.Txn {
	s := Swap{Path: path, Rev: rev}
	return txn.If(s.Compare()).Then(clientv3.OpDelete(path)).Else(s.gets()...)
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

	Found []*mvccpb.KeyValue // if lost, those that stand where its News were to be made; nil where none does
}

// SwappedBy reads the answer to one swap. All puts of a transaction share its
// revision.
func SwappedBy(rev int64, won bool, responses []*etcdserverpb.ResponseOp) (s Swapped) {
	if won {
		return Swapped{Won: true, Rev: rev}
	}
	s.KV = only(responses[0])
	for _, r := range responses[1:] {
		s.Found = append(s.Found, only(r))
	}
	return s
}

// only returns the record that was read by its path, nil where there is none.
func only(r *etcdserverpb.ResponseOp) *mvccpb.KeyValue {
	if kvs := r.GetResponseRange().Kvs; len(kvs) > 0 {
		return kvs[0]
	}
	return nil
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
