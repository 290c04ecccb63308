package etcd

import (
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/seqd-io/seqd/allocator/etcd/dial"
)

// refusals are the answers after which a transaction is known to have done
// nothing, now and later, by the source of etcd 3.7.3. All others may stand for
// one that was applied, or will be, ErrNoSpace too: etcd says it both before it
// proposes a transaction and after it has applied one. So may ErrCorrupt,
// ErrLeaderChanged, ErrStopped, the timeouts, and whatever gRPC or a proxy says.
//
// Nothing rests on this list but what is counted, and what is sent again at once
// in another shape. Whatever the answer was, the next attempt compares with the
// same revision: if the first one was applied after all, the next one loses.
var refusals = []error{
	// Before the transaction is looked at: v3rpc/interceptor.go, newUnaryInterceptor.
	rpctypes.ErrNotCapable,
	dial.ErrLearner,
	rpctypes.ErrNoLeader, // of those that write; nobody else says it of them

	// Before it is proposed: v3rpc/key.go, checkTxnRequest and checkIntervals.
	rpctypes.ErrTooManyOps,
	rpctypes.ErrEmptyKey,
	rpctypes.ErrDuplicateKey,

	// Before it is proposed: v3_server.go, processInternalRaftRequestOnce.
	rpctypes.ErrTooManyRequests,
	rpctypes.ErrRequestTooLarge,
	rpctypes.ErrInvalidAuthToken,

	// When its turn to be applied has come, before anything of it is, and on all
	// members alike, because who may do what is part of what is applied:
	// apply/auth.go, authApplierV3.Txn.
	rpctypes.ErrUserEmpty,
	rpctypes.ErrAuthOldRevision,
	rpctypes.ErrPermissionDenied,

	// The same, of a transaction that would write: txn.go, checkTxn.
	rpctypes.ErrLeaseNotFound,

	// In our own login: the transaction was never sent.
	rpctypes.ErrAuthFailed,
}

// refused reports whether the transaction that ended with err is known to have
// done nothing.
func refused(err error) bool {
	if _, ok := errors.AsType[dial.Unconnected](err); ok {
		return true // there was nobody to send it to
	}
	err = rpctypes.Error(err)
	for _, refusal := range refusals {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}
