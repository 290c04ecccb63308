package etcd

import (
	"context"
	"errors"
	"strings"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
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
	errLearner,
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

	// In our own login: the transaction was never sent.
	rpctypes.ErrAuthFailed,
}

// refused reports whether the transaction that ended with err is known to have
// done nothing.
func refused(err error) bool {
	if _, ok := errors.AsType[unconnected](err); ok {
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

// tooLarge reports whether a smaller transaction may do better: etcd's
// --max-txn-ops or --max-request-bytes is lower than ours is large, or gRPC's
// limit is, here, in etcd, or in a proxy between.
func tooLarge(err error) bool {
	known := rpctypes.Error(err)
	if errors.Is(known, rpctypes.ErrTooManyOps) || errors.Is(known, rpctypes.ErrRequestTooLarge) {
		return true
	}
	return status.Code(err) == codes.ResourceExhausted && strings.Contains(err.Error(), "larger than max")
}

// once keeps clientv3 from sending a transaction a second time when the server,
// or a proxy, has given up on it before our own time was up: the refusal of the
// second would hide that the first may have been applied. It sends again after
// some of the refusals, which is fine.
func once(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, cc, opts...)
	if err == nil || method != etcdserverpb.KV_Txn_FullMethodName || ctx.Err() != nil {
		return err
	}
	switch status.Code(err) {
	case codes.DeadlineExceeded:
		return rpctypes.ErrGRPCTimeout
	case codes.Canceled:
		return status.Error(codes.Unavailable, "the server gave up: "+status.Convert(err).Message())
	}
	return err
}
