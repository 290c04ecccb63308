package etcdsim

import (
	"bytes"
	"cmp"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
)

// txn is a transaction that is being applied. Server.mu is held.
type txn struct {
	s     *Server
	begin int64 // the revision before it; all of its puts and deletes get the next one
}

// outcomes says how a transaction's compares came out, and those of the
// transactions nested in the branch that it takes, in their order.
type outcomes struct {
	succeeded bool
	nested    []outcomes
}

func (t *txn) compareAll(in *pb.TxnRequest) outcomes {
	o := outcomes{succeeded: true}
	for _, c := range in.Compare {
		o.succeeded = o.succeeded && t.compare(c)
	}
	for _, op := range branch(in, o) {
		if nested := op.GetRequestTxn(); nested != nil {
			o.nested = append(o.nested, t.compareAll(nested))
		}
	}
	return o
}

func branch(in *pb.TxnRequest, o outcomes) []*pb.RequestOp {
	if o.succeeded {
		return in.Success
	}
	return in.Failure
}

// compare compares with what is there; a key that is not has zero everywhere,
// except for a value, which can't be compared with none.
func (t *txn) compare(c *pb.Compare) bool {
	kv := t.s.kvs[string(c.Key)]
	if kv == nil {
		if c.Target == pb.Compare_VALUE {
			return false
		}
		kv = &mvccpb.KeyValue{}
	}
	var sign int
	switch c.Target {
	case pb.Compare_VALUE:
		sign = bytes.Compare(kv.Value, c.GetValue())
	case pb.Compare_CREATE:
		sign = cmp.Compare(kv.CreateRevision, c.GetCreateRevision())
	case pb.Compare_MOD:
		sign = cmp.Compare(kv.ModRevision, c.GetModRevision())
	case pb.Compare_VERSION:
		sign = cmp.Compare(kv.Version, c.GetVersion())
	}
	switch c.Result {
	case pb.Compare_EQUAL:
		return sign == 0
	case pb.Compare_NOT_EQUAL:
		return sign != 0
	case pb.Compare_GREATER:
		return sign > 0
	default:
		return sign < 0
	}
}

func (t *txn) run(in *pb.TxnRequest, o outcomes) *pb.TxnResponse {
	out := &pb.TxnResponse{Header: &pb.ResponseHeader{}, Succeeded: o.succeeded}
	for _, op := range branch(in, o) {
		answer := &pb.ResponseOp{}
		switch r := op.Request.(type) {
		case *pb.RequestOp_RequestRange:
			answer.Response = &pb.ResponseOp_ResponseRange{ResponseRange: t.s.rangeLocked(r.RequestRange)}
		case *pb.RequestOp_RequestPut:
			answer.Response = &pb.ResponseOp_ResponsePut{ResponsePut: t.put(r.RequestPut)}
		case *pb.RequestOp_RequestDeleteRange:
			answer.Response = &pb.ResponseOp_ResponseDeleteRange{ResponseDeleteRange: t.delete(r.RequestDeleteRange)}
		case *pb.RequestOp_RequestTxn:
			answer.Response = &pb.ResponseOp_ResponseTxn{ResponseTxn: t.run(r.RequestTxn, o.nested[0])}
			o.nested = o.nested[1:]
		}
		out.Responses = append(out.Responses, answer)
	}
	return out
}

func (t *txn) put(in *pb.PutRequest) *pb.PutResponse {
	t.s.rev = t.begin + 1
	old := t.s.kvs[string(in.Key)]
	kv := &mvccpb.KeyValue{Key: in.Key, Value: in.Value, CreateRevision: t.s.rev, ModRevision: t.s.rev, Version: 1, Lease: in.Lease}
	if old != nil {
		kv.CreateRevision, kv.Version = old.CreateRevision, old.Version+1
	}
	t.s.kvs[string(in.Key)] = kv
	t.s.writes = append(t.s.writes, Write{Path: string(in.Key), Value: string(in.Value), Rev: t.s.rev, Lease: in.Lease})
	out := &pb.PutResponse{Header: &pb.ResponseHeader{Revision: t.s.rev}}
	if in.PrevKv {
		out.PrevKv = old
	}
	return out
}

func (t *txn) delete(in *pb.DeleteRangeRequest) *pb.DeleteRangeResponse {
	found := t.s.rangeLocked(&pb.RangeRequest{Key: in.Key, RangeEnd: in.RangeEnd})
	for _, kv := range found.Kvs {
		t.s.rev = t.begin + 1
		delete(t.s.kvs, string(kv.Key))
		t.s.writes = append(t.s.writes, Write{Path: string(kv.Key), Rev: t.s.rev})
	}
	out := &pb.DeleteRangeResponse{Header: &pb.ResponseHeader{Revision: t.s.rev}, Deleted: found.Count}
	if in.PrevKv {
		out.PrevKvs = found.Kvs
	}
	return out
}
