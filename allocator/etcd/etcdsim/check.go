package etcdsim

import (
	"maps"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// defaultMaxOps is etcd's --max-txn-ops, unless configured otherwise.
const defaultMaxOps = 128

var errEmptyKey = rpctypes.ErrGRPCEmptyKey

// check refuses what etcd refuses before it proposes a transaction.
func check(in *pb.TxnRequest, maxOps int) error {
	if err := checkOps(in, maxOps); err != nil {
		return err
	}
	for _, ops := range [][]*pb.RequestOp{in.Success, in.Failure} {
		if _, _, err := puts(ops); err != nil {
			return err
		}
	}
	return nil
}

// checkOps: the longest of a transaction's three lists counts, and leaves that
// much less for those nested in it.
func checkOps(in *pb.TxnRequest, limit int) error {
	count := max(len(in.Compare), len(in.Success), len(in.Failure))
	if count > limit {
		return rpctypes.ErrGRPCTooManyOps
	}
	for _, c := range in.Compare {
		switch {
		case len(c.Key) == 0:
			return errEmptyKey
		case len(c.RangeEnd) > 0 || c.Target == pb.Compare_LEASE:
			return unsupported("compare of a range, or with a lease")
		}
	}
	for _, ops := range [][]*pb.RequestOp{in.Success, in.Failure} {
		for _, op := range ops {
			if err := checkOp(op, limit-count); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkOp(op *pb.RequestOp, limit int) error {
	switch r := op.Request.(type) {
	case *pb.RequestOp_RequestRange:
		return checkRange(r.RequestRange)
	case *pb.RequestOp_RequestPut:
		return checkPut(r.RequestPut)
	case *pb.RequestOp_RequestDeleteRange:
		return checkDelete(r.RequestDeleteRange)
	case *pb.RequestOp_RequestTxn:
		return checkOps(r.RequestTxn, limit)
	default:
		return unsupported("an operation of this kind in a transaction")
	}
}

func checkRange(in *pb.RangeRequest) error {
	switch {
	case len(in.Key) == 0:
		return errEmptyKey
	case in.Revision != 0, in.SortOrder != pb.RangeRequest_NONE,
		in.MinModRevision != 0, in.MaxModRevision != 0, in.MinCreateRevision != 0, in.MaxCreateRevision != 0:
		return unsupported("old revisions, sorting, filters")
	}
	return nil
}

func checkPut(in *pb.PutRequest) error {
	switch {
	case len(in.Key) == 0:
		return errEmptyKey
	case in.IgnoreLease, in.IgnoreValue:
		return unsupported("puts that leave the lease, or the value")
	}
	return nil
}

func checkDelete(in *pb.DeleteRangeRequest) error {
	switch {
	case len(in.Key) == 0:
		return errEmptyKey
	case len(in.RangeEnd) > 0:
		return unsupported("a delete of a range in a transaction")
	}
	return nil
}

// puts returns the keys that ops may put. A key may stand in both branches of
// one nested transaction, of which only one is taken, and nowhere else twice; nor
// may it be deleted, but by a transaction that is nested after the put's.
func puts(ops []*pb.RequestOp) (puts, dels map[string]bool, err error) {
	puts, dels = map[string]bool{}, map[string]bool{}
	for _, op := range ops {
		if del := op.GetRequestDeleteRange(); del != nil {
			dels[string(del.Key)] = true
		}
	}
	add := func(key string) error {
		if puts[key] || dels[key] {
			return rpctypes.ErrGRPCDuplicateKey
		}
		puts[key] = true
		return nil
	}
	for _, op := range ops {
		if nested := op.GetRequestTxn(); nested != nil {
			deleted, err := addNested(nested, add)
			if err != nil {
				return nil, nil, err
			}
			maps.Copy(dels, deleted)
		}
	}
	for _, op := range ops {
		if put := op.GetRequestPut(); put != nil {
			if err := add(string(put.Key)); err != nil {
				return nil, nil, err
			}
		}
	}
	return puts, dels, nil
}

// addNested adds what a nested transaction may put, and returns what it may
// delete.
func addNested(nested *pb.TxnRequest, add func(key string) error) (dels map[string]bool, err error) {
	then, dels, err := puts(nested.Success)
	if err != nil {
		return nil, err
	}
	otherwise, deleted, err := puts(nested.Failure)
	if err != nil {
		return nil, err
	}
	maps.Copy(then, otherwise)
	maps.Copy(dels, deleted)
	for key := range then {
		if err := add(key); err != nil {
			return nil, err
		}
	}
	return dels, nil
}
