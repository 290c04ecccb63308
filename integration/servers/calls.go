package servers

import (
	"context"
	"net"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
)

// Calls is a way to an etcd on which a test can hold back single gRPC methods, as
// a member does whose reads work and whose writes don't. It carries calls of one
// request and one answer only. Its methods are safe for concurrent use.
type Calls struct {
	Addr string // host:port to connect to

	mu   sync.Mutex
	held map[string]chan struct{} // by full method; closed when it is let go
}

// StartCalls starts a way to target, host:port, until the test's end.
func StartCalls(t testing.TB, target string) *Calls {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("passthrough:///"+target, grpc.WithNoProxy(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	c := &Calls{Addr: l.Addr().String(), held: map[string]chan struct{}{}}
	s := grpc.NewServer(grpc.ForceServerCodecV2(raw{}), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(stream)
		if err := c.pass(stream.Context(), method); err != nil {
			return err
		}
		var in, out mem.BufferSlice
		if err := stream.RecvMsg(&in); err != nil {
			return err
		}
		md, _ := metadata.FromIncomingContext(stream.Context())
		if err := conn.Invoke(metadata.NewOutgoingContext(stream.Context(), md), method, &in, &out, grpc.ForceCodecV2(raw{})); err != nil {
			return err
		}
		return stream.SendMsg(&out)
	}))
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() {
		s.Stop()
		serving.Wait()
		conn.Close()
	})
	return c
}

// Hold keeps the calls of a method back, such as /etcdserverpb.KV/Txn.
func (c *Calls) Hold(method string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[method] = make(chan struct{})
}

// Release ends that.
func (c *Calls) Release(method string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.held[method])
	delete(c.held, method)
}

func (c *Calls) pass(ctx context.Context, method string) error {
	c.mu.Lock()
	held := c.held[method]
	c.mu.Unlock()
	if held == nil {
		return nil
	}
	select {
	case <-held:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// raw leaves messages as they are.
type raw struct{}

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	in := v.(*mem.BufferSlice)
	return *in, nil
}

func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	data.Ref()
	*v.(*mem.BufferSlice) = data
	return nil
}

func (raw) Name() string { return "proto" }
