package dial

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Unconnected is the end of a call that waited for a connection in vain: nothing
// was sent. It is a context.DeadlineExceeded.
type Unconnected struct {
	Reason string
	Cause  *HandshakeError // nil: it did not come to a handshake
}

func (e Unconnected) Error() string { return "no connection to etcd: " + e.Reason }
func (e Unconnected) Unwrap() []error {
	if e.Cause == nil {
		return []error{context.DeadlineExceeded}
	}
	return []error{context.DeadlineExceeded, e.Cause}
}

// What gRPC puts before the reason.
const (
	reasonMark = "latest balancer error: "
	descMark   = "connection error: desc = "
)

// causes keeps the errors of the latest connections that did not come about, as
// gRPC passes on nothing but their text.
type causes struct {
	mu     sync.Mutex
	latest []*HandshakeError // maxCauses at most
}

const maxCauses = 16

func (c *causes) note(err *HandshakeError) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.latest) == maxCauses {
		c.latest = slices.Delete(c.latest, 0, 1)
	}
	c.latest = append(c.latest, err)
	return err
}

// of returns the latest error that a reason tells of, nil for none.
func (c *causes) of(reason string) *HandshakeError {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, err := range slices.Backward(c.latest) {
		if strings.Contains(reason, err.Error()) {
			return err
		}
	}
	return nil
}

// explainWait has a call that waited for a connection in vain end with why there
// was none: gRPC says so in its error's text, and nowhere else, and clientv3 would
// replace that by the context's error. It must come after what looks at the
// error's code.
func (c *causes) explainWait(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
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
	reason = strings.TrimPrefix(reason, "transport: ")
	return Unconnected{Reason: reason, Cause: c.of(reason)}
}
