package etcdsim

import (
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
		if _, err := puts(ops); err != nil {
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
	case in.Lease != 0, in.IgnoreLease, in.IgnoreValue:
		return unsupported("leases, puts without a value")
	}
	return nil
}

// puts returns the keys that ops may put. A key may stand in both branches of
// one nested transaction, of which only one is taken, and nowhere else twice.
func puts(ops []*pb.RequestOp) (map[string]bool, error) {
	all := map[string]bool{}
	add := func(key string) error {
		if all[key] {
			return rpctypes.ErrGRPCDuplicateKey
		}
		all[key] = true
		return nil
	}
	for _, op := range ops {
		nested := op.GetRequestTxn()
		if nested == nil {
			continue
		}
		then, err := puts(nested.Success)
		if err != nil {
			return nil, err
		}
		otherwise, err := puts(nested.Failure)
		if err != nil {
			return nil, err
		}
		for key := range otherwise {
			then[key] = true
		}
		for key := range then {
			if err := add(key); err != nil {
				return nil, err
			}
		}
	}
	for _, op := range ops {
		if put := op.GetRequestPut(); put != nil {
			if err := add(string(put.Key)); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}
