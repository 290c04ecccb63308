package dial

import (
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// hints say what to try about what etcd refuses.
var hints = []struct {
	refusal, status error // the same, as clientv3 returns it and as gRPC does
	hint            string
}{
	{rpctypes.ErrAuthFailed, rpctypes.ErrGRPCAuthFailed,
		"look at --etcd-username and SEQD_ETCD_PASSWORD; etcdctl user list shows whether the user is there"},
	{rpctypes.ErrUserEmpty, rpctypes.ErrGRPCUserEmpty,
		"etcd asks who we are: set --etcd-username and SEQD_ETCD_PASSWORD, or --etcd-cert and --etcd-key"},
	{rpctypes.ErrUserNotFound, rpctypes.ErrGRPCUserNotFound,
		"the user was deleted: etcdctl user list shows the users"},
	{rpctypes.ErrPermissionDenied, rpctypes.ErrGRPCPermissionDenied,
		"grant the user, or the one that the client certificate names, a role that may read and write the prefix: etcdctl role grant-permission ROLE --prefix=true readwrite PREFIX/"},
	{ErrLearner, rpctypes.ErrGRPCNotSupportedForLearner,
		"the member is a learner, which takes no writes: name one that votes in --etcd-endpoints, or have it vote: etcdctl member promote"},
	{rpctypes.ErrTooManyOps, rpctypes.ErrGRPCTooManyOps,
		"start etcd with a larger --max-txn-ops; its default is 128"},
	{rpctypes.ErrRequestTooLarge, rpctypes.ErrGRPCRequestTooLarge,
		"start etcd with a larger --max-request-bytes; its default is 1572864"},
	{rpctypes.ErrNoSpace, rpctypes.ErrGRPCNoSpace,
		"etcd is full: etcdctl compact and defrag, then alarm disarm; turn auto-compaction on"},
}

// Hint returns what an operator can try about an error of a client's call, or ""
// if there is nothing special.
func Hint(err error) string {
	var wait Unconnected
	if errors.As(err, &wait) {
		return wait.hint
	}
	for _, h := range hints {
		if errors.Is(err, h.refusal) || errors.Is(err, h.status) {
			return h.hint
		}
	}
	return ""
}

// advice is an error that comes with what to try.
type advice struct {
	error
	hint string
}

// Advise adds to err what can be tried about its cause.
func Advise(err, cause error) error {
	if hint := Hint(cause); hint != "" {
		return advice{err, hint}
	}
	return err
}

func (a advice) Unwrap() error { return a.error }

// Hint returns what to try.
func (a advice) Hint() string { return a.hint }
