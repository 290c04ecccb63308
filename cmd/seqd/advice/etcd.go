package advice

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/allocator/etcd/history"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// raiseCounters ends every fence.
const raiseCounters = "raise the counters above every issued id with: seqd admin jump --all --by N"

// refusals is what to try about what etcd refuses.
var refusals = []struct {
	refusal, status error // the same, as clientv3 returns it and as gRPC does
	try             string
}{
	{rpctypes.ErrAuthFailed, rpctypes.ErrGRPCAuthFailed,
		"look at --etcd-username and SEQD_ETCD_PASSWORD; etcdctl user list shows whether the user is there"},
	{rpctypes.ErrUserEmpty, rpctypes.ErrGRPCUserEmpty,
		"etcd asks who we are: set --etcd-username and SEQD_ETCD_PASSWORD, or --etcd-cert and --etcd-key"},
	{rpctypes.ErrUserNotFound, rpctypes.ErrGRPCUserNotFound,
		"the user was deleted: etcdctl user list shows the users"},
	{rpctypes.ErrPermissionDenied, rpctypes.ErrGRPCPermissionDenied,
		"grant the user, or the one that the client certificate names, a role that may read and write the prefix: etcdctl role grant-permission ROLE --prefix=true readwrite PREFIX/"},
	{dial.ErrLearner, rpctypes.ErrGRPCNotSupportedForLearner,
		"the member is a learner, which takes no writes: name one that votes in --etcd-endpoints, or have it vote: etcdctl member promote"},
	{rpctypes.ErrTooManyOps, rpctypes.ErrGRPCTooManyOps,
		"start etcd with a larger --max-txn-ops; its default is 128"},
	{rpctypes.ErrRequestTooLarge, rpctypes.ErrGRPCRequestTooLarge,
		"start etcd with a larger --max-request-bytes; its default is 1572864"},
	{rpctypes.ErrNoSpace, rpctypes.ErrGRPCNoSpace,
		"etcd is full: etcdctl compact and defrag, then alarm disarm; turn auto-compaction on"},
}

// runAgain is for counters that were raised while their owners did not let go.
const runAgain = "run the command again, until it ends without this: a raise then only waits, and a jump adds N once more, which costs ids and does no harm"

// aboutEtcd returns what to try about an error of etcd, or of its counters.
func aboutEtcd(err error) string {
	if held, ok := errors.AsType[*operate.HeldError](err); ok {
		if try := aboutEtcd(held.Err); try != "" {
			return try + "; then " + runAgain
		}
		return runAgain
	}
	if refused, ok := errors.AsType[*operate.PeriodError](err); ok {
		return aboutPeriod(refused)
	}
	if _, ok := errors.AsType[*etcd.SmallError](err); ok {
		return "start etcd with --max-txn-ops=128 and --max-request-bytes=1572864, its defaults, or more"
	}
	if member, ok := errors.AsType[*dial.MemberError](err); ok {
		return cmp.Or(aboutEtcd(member.Err), "is it running, reachable from here, and connected to the other members? seqd doctor looks at each")
	}
	if wait, ok := errors.AsType[dial.Unconnected](err); ok {
		return aboutConnection(wait.Cause)
	}
	for _, r := range refusals {
		if errors.Is(err, r.refusal) || errors.Is(err, r.status) {
			return r.try
		}
	}
	return aboutHistory(err)
}

// aboutPeriod returns what to try about a counter that can't be raised in the way
// that was asked for.
func aboutPeriod(err *operate.PeriodError) string {
	switch {
	case err.Asked == 0:
		return fmt.Sprintf("name it: seqd admin raise STORE KEY --period %s --to ID", err.Record.AppendDate(nil))
	case err.Record == 0:
		return "leave --period out; or, if workers are to count it in periods, have --config name the file with its rule"
	}
	return "raise it in the period that it is in: seqd admin peek STORE KEY shows which"
}

// aboutConnection returns what to try about a connection that did not come about;
// nil: it did not come to a handshake.
func aboutConnection(err *dial.HandshakeError) string {
	switch {
	case err == nil:
		return "is etcd running there, and reachable? look at --etcd-endpoints"
	case err.Files:
		return "look at the files of --etcd-ca, --etcd-cert and --etcd-key"
	}
	otherwise := "look whether etcd speaks TLS at this port, and at its log"
	if err.Later {
		otherwise = "etcd ended the connection after the TLS handshake: if it asks for a client certificate, or refuses ours, look at --etcd-cert and --etcd-key, and at its log"
	}
	return cmp.Or(aboutTLS(err.Err, "etcd"), otherwise)
}

// aboutHistory returns what to try about what a worker finds of etcd's history,
// and of where its counters are.
func aboutHistory(err error) string {
	if fence, ok := errors.AsType[*history.Fence](err); ok {
		return aboutFence(fence)
	}
	if narrow, ok := errors.AsType[*history.NarrowError](err); ok {
		return fmt.Sprintf("if workers before this version were ever told %[1]s/, their counters are below %[1]s//: let the role read and write %[1]s/ and all below it", narrow.Prefix)
	}
	if prefix, ok := errors.AsType[*record.PrefixError](err); ok && prefix.Taken {
		return "if ids were ever issued below this one, run seqd admin jump --all --by N with the right one before a worker starts, N above all of them"
	}
	switch {
	case errors.Is(err, allocator.ErrUnreadable):
		return "was it written by a newer seqd, or by hand? etcdctl get shows it. A lease is for stores whose workers are all of a version that knows it; before an older version starts, restart them all with lease: 0"
	case errors.Is(err, history.ErrUnmarked):
		return "fine after an upgrade; if etcd was restored, " + raiseCounters
	case errors.Is(err, history.ErrForgetful):
		return "--state-dir must be a folder that this user can write to, with files that this version understands; none does without"
	}
	return ""
}

// aboutFence returns the ways out of a fence.
func aboutFence(fence *history.Fence) string {
	var forget []string
	if len(fence.Files) > 0 {
		forget = append(forget, "delete "+strings.Join(fence.Files, " and "))
	}
	if fence.Record != "" {
		forget = append(forget, "etcdctl del "+fence.Record)
	}
	if len(forget) == 0 {
		return raiseCounters
	}
	return raiseCounters + "; or, only if the ids issued so far truly don't matter, stop the workers, " + strings.Join(forget, ", ") + ", and start them"
}
