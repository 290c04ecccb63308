package advice_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/cmd/seqd/advice"
	"github.com/seqd-io/seqd/worker"
)

// What a worker asks about is told with the names of seqd's flags, however the
// error was wrapped on its way.
func TestAdvice(t *testing.T) {
	missing := &fs.PathError{Op: "open", Path: "creds", Err: fs.ErrNotExist}
	for _, test := range []struct {
		err  error
		want string // "": no advice
	}{
		{nats.ErrAuthorization, "NATS does not take this user"},
		{nats.ErrAuthExpired, "have expired"},
		{nats.ErrAccountAuthExpired, "have expired"},
		{nats.ErrAuthRevoked, "were revoked"},
		{nats.ErrSecureConnWanted, "leave out --nats-ca, --nats-cert and --nats-key"},
		{nats.ErrMaxConnectionsExceeded, "raise max_connections"},
		{nats.ErrMaxAccountConnectionsExceeded, "raise max_connections"},
		{errors.New("nats: Maximum Payload Violation"), "was max_payload of nats-server lowered?"},
		{nats.ErrMaxPayload, ""}, // of one message: the connection goes on
		{missing, "--nats-creds"},
		{x509.UnknownAuthorityError{}, "set --nats-ca"},
		{fmt.Errorf("%w: %w", nats.ErrTLS, errors.New("gone")), "look at --nats-cert and --nats-key"},
		{nats.ErrNoServers, ""},
		{context.DeadlineExceeded, ""},
	} {
		wrapped := fmt.Errorf("connect to NATS: %w", &worker.NATSError{Err: fmt.Errorf("once more: %w", test.err)})
		if got := advice.For(wrapped); got == "" != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%v: got %q, want %q", test.err, got, test.want)
		}
	}
	for err, want := range map[error]string{
		worker.ErrNoNATS:         "start nats-server, or set --nats-url",
		worker.ErrFencedRequest:  "seqd admin raise STORE KEY --to N",
		allocator.ErrUnavailable: "",
		missing:                  "", // etcd's files have other flags
	} {
		if got := advice.For(err); got == "" != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
}
