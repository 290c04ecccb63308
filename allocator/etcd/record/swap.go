package record

import (
	"errors"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// AttemptTimeout bounds one transaction. It must stay below 7 s, where etcd's
// server gives up by itself and the client sends the transaction a second time
// (https://github.com/etcd-io/etcd/issues/18424).
const AttemptTimeout = time.Second

// ImpossibleRev is no record's ModRevision.
const ImpossibleRev = -1

// TooLarge reports whether a smaller transaction may do better: etcd's
// --max-txn-ops or --max-request-bytes is lower than ours is large, or gRPC's
// limit is, here, in etcd, or in a proxy between.
func TooLarge(err error) bool {
	known := rpctypes.Error(err)
	if errors.Is(known, rpctypes.ErrTooManyOps) || errors.Is(known, rpctypes.ErrRequestTooLarge) {
		return true
	}
	return status.Code(err) == codes.ResourceExhausted && strings.Contains(err.Error(), "larger than max")
}
