package dial

import (
	"context"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

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
