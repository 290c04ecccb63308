package dial

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Unconnected is the end of a call that waited for a connection in vain. It is a
// context.DeadlineExceeded.
type Unconnected struct {
	Reason string
	hint   string // what to try
}

func (e Unconnected) Error() string { return "no connection to etcd: " + e.Reason }
func (e Unconnected) Unwrap() error { return context.DeadlineExceeded }

// What gRPC puts before the reason, and what advised puts before what to try.
const (
	reasonMark = "latest balancer error: "
	descMark   = "connection error: desc = "
	hintMark   = "; try: "
)

// explainWait has a call that waited for a connection in vain end with why there
// was none: gRPC says so in its error's text, which clientv3 would replace by the
// context's error. It must come after what looks at the error's code.
func explainWait(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, cc, opts...)
	if status.Code(err) != codes.DeadlineExceeded {
		return err
	}
	_, reason, ok := strings.Cut(status.Convert(err).Message(), reasonMark)
	if !ok {
		return err
	}
	reason = strings.TrimPrefix(reason, descMark)
	if text, err := strconv.Unquote(reason); err == nil {
		reason = text
	}
	reason, hint, ok := strings.Cut(strings.TrimPrefix(reason, "transport: "), hintMark)
	if !ok {
		hint = "is etcd running there, and reachable? look at --etcd-endpoints"
	}
	return Unconnected{reason, hint}
}

// advised adds what to try to an error of a connection. gRPC keeps its text only.
func advised(err error, hint string) error {
	if hint == "" {
		return err
	}
	return fmt.Errorf("%w%s%s", err, hintMark, hint)
}
