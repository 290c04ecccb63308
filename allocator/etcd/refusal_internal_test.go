package etcd

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What etcd says of a transaction, as gRPC returns it and as clientv3 does,
// alone and wrapped.
func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		err            error
		refused, large bool
	}{
		{rpctypes.ErrGRPCTooManyOps, true, true},
		{rpctypes.ErrGRPCRequestTooLarge, true, true},
		{status.Error(codes.Unknown, "etcdserver: too many requests"), true, false}, // as etcd 3.7.3 sends it
		{rpctypes.ErrGRPCNotSupportedForLearner, true, false},
		{rpctypes.ErrGRPCNoLeader, true, false},
		{rpctypes.ErrGRPCPermissionDenied, true, false},
		{rpctypes.ErrGRPCUserEmpty, true, false},
		{rpctypes.ErrGRPCAuthOldRevision, true, false},
		{rpctypes.ErrGRPCInvalidAuthToken, true, false},
		{rpctypes.ErrGRPCNotCapable, true, false},
		{dial.Unconnected{Reason: "connection refused"}, true, false},

		{rpctypes.ErrGRPCNoSpace, false, false},
		{rpctypes.ErrGRPCCorrupt, false, false},
		{rpctypes.ErrGRPCLeaderChanged, false, false},
		{rpctypes.ErrGRPCNotLeader, false, false},
		{rpctypes.ErrGRPCStopped, false, false},
		{rpctypes.ErrGRPCTimeout, false, false},
		{rpctypes.ErrGRPCTimeoutDueToLeaderFail, false, false},
		{rpctypes.ErrGRPCTimeoutDueToConnectionLost, false, false},
		{rpctypes.ErrGRPCUnhealthy, false, false},
		{rpctypes.ErrGRPCCanceled, false, false},
		{rpctypes.ErrGRPCDeadlineExceeded, false, false},
		{status.Error(codes.Unknown, "raft proposal dropped"), false, false},
		{status.Error(codes.Unavailable, "error reading from server: EOF"), false, false},
		{status.Error(codes.Internal, "stream terminated by RST_STREAM with error code: INTERNAL_ERROR"), false, false},
		{status.Error(codes.ResourceExhausted, "grpc: received message larger than max (9 vs. 4)"), false, true}, // of the answer, perhaps
		{context.DeadlineExceeded, false, false},
		{errors.New("transport is closing"), false, false},
	} {
		for _, err := range []error{test.err, rpctypes.Error(test.err), fmt.Errorf("transaction: %w", rpctypes.Error(test.err))} {
			if got := refused(err); got != test.refused {
				t.Errorf("%v (%T): refused: %v, want %v", err, err, got, test.refused)
			}
			if got := perhapsApplied(err); got == test.refused {
				t.Errorf("%v (%T): perhaps applied: %v", err, err, got)
			}
			if got := record.TooLarge(err); got != test.large {
				t.Errorf("%v (%T): too large: %v, want %v", err, err, got, test.large)
			}
		}
	}
}
