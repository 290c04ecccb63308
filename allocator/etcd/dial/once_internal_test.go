package dial

import (
	"context"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// clientv3 sends a transaction again when the server, or a proxy, gave up on it
// though we had not: it may be applied the first time, and refused the second.
func TestOnce(t *testing.T) {
	for _, code := range []codes.Code{codes.Canceled, codes.DeadlineExceeded} {
		gaveUp := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
			return status.Error(code, "the server gave up")
		}
		err := once(t.Context(), etcdserverpb.KV_Txn_FullMethodName, nil, nil, nil, gaveUp)
		if got := status.Code(err); got != codes.Unavailable { // which clientv3 leaves alone
			t.Errorf("%v becomes %v", code, err)
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if got := status.Code(once(over, etcdserverpb.KV_Txn_FullMethodName, nil, nil, nil, gaveUp)); got != code {
			t.Errorf("after our own end %v becomes %v", code, got)
		}
	}
}
