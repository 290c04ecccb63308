package advice_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/allocator/etcd/history"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/cmd/seqd/advice"
)

// What is about etcd is told with the names of seqd's flags and commands, however
// the error was wrapped on its way.
func TestAdviceAboutEtcd(t *testing.T) {
	gone := fmt.Errorf("%w: etcd's revision fell from 9 to 5", allocator.ErrFenced)
	_, slashless := record.CanonicalPrefix("seqd")
	_, empty := record.CanonicalPrefix("")
	for _, test := range []struct {
		err  error
		want string // "": no advice
	}{
		{rpctypes.ErrAuthFailed, "look at --etcd-username and SEQD_ETCD_PASSWORD"},
		{rpctypes.ErrGRPCPermissionDenied, "etcdctl role grant-permission"},
		{rpctypes.Error(rpctypes.ErrGRPCNotSupportedForLearner), "name one that votes in --etcd-endpoints"},
		{rpctypes.ErrNoSpace, "etcd is full"},
		{rpctypes.ErrTooManyOps, "a larger --max-txn-ops"},
		{&etcd.SmallError{Err: rpctypes.ErrTooManyOps}, "--max-request-bytes=1572864, its defaults, or more"},
		{&dial.MemberError{Err: context.DeadlineExceeded}, "seqd doctor looks at each"},
		{&dial.MemberError{Err: rpctypes.ErrGRPCNotSupportedForLearner}, "the member is a learner"},
		{dial.Unconnected{}, "look at --etcd-endpoints"},
		{dial.Unconnected{Cause: &dial.HandshakeError{Err: x509.UnknownAuthorityError{}}}, "set --etcd-ca"},
		{dial.Unconnected{Cause: &dial.HandshakeError{Err: errors.New("EOF")}}, "whether etcd speaks TLS"},
		{dial.Unconnected{Cause: &dial.HandshakeError{Err: errors.New("EOF"), Later: true}}, "look at --etcd-cert and --etcd-key"},
		{dial.Unconnected{Cause: &dial.HandshakeError{Err: errors.New("no such file"), Files: true}}, "the files of --etcd-ca"},
		{gone, ""},
		{&history.Fence{Err: gone}, "with: seqd admin jump --all --by N"},
		{&history.Fence{Err: gone, Files: []string{"/a.json", "/b.json"}, Record: "/seqd/v1/incarnation"},
			"jump --all --by N; or, only if the ids issued so far truly don't matter, stop the workers, delete /a.json and /b.json, etcdctl del /seqd/v1/incarnation, and start them"},
		{&history.NarrowError{Prefix: "/seqd"}, "their counters are below /seqd//: let the role read and write /seqd/"},
		{fmt.Errorf("%w: format 9", allocator.ErrUnreadable), "restart them all with lease: 0"},
		{&operate.HeldError{Err: context.DeadlineExceeded}, "run the command again"},
		{&operate.HeldError{Err: rpctypes.ErrPermissionDenied}, "etcdctl role grant-permission ROLE --prefix=true readwrite PREFIX/; then run the command again"},
		{history.ErrUnmarked, "seqd admin jump --all --by N"},
		{history.ErrForgetful, "--state-dir must be a folder"},
		{slashless, "run seqd admin jump --all --by N with the right one"},
		{empty, ""},
		{context.DeadlineExceeded, ""},
	} {
		wrapped := fmt.Errorf("probe etcd: %w", test.err)
		if got := advice.For(wrapped); got == "" != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%v: got %q, want %q", test.err, got, test.want)
		}
	}
	if got := advice.Add(slashless).Error(); !strings.HasPrefix(got, "must begin with a slash, like /seqd; if ids were ever issued") {
		t.Errorf("added: %s", got)
	}
	if err := advice.Add(nil); err != nil {
		t.Errorf("added to nothing: %v", err)
	}
}
