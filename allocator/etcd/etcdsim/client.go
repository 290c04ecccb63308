package etcdsim

import (
	"context"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Client is one process's way to a [Server]. It is safe for concurrent use.
//
// What has been sent can't be taken back: a request is applied when its fault
// says so, also when its caller has given up.
type Client struct {
	pb.KVClient    // nil: methods that are not here panic
	pb.LeaseClient // so too
	server         *Server
	script         func(Call) Fault
	calls          atomic.Int64
}

// Call is one call of a Client's method.
type Call struct {
	Seq int // 0 for the first call of a Client
}

// Fault says how a call goes. The zero value takes no time and succeeds.
type Fault struct {
	Before  time.Duration // from the call until the Server applies the request
	After   time.Duration // from then until the answer is there; for Deferred, from the call
	Outcome Outcome
	Err     error // what Refused, Denied and Deferred return: a gRPC status
}

// Outcome is how a call ends, unless its context ends first.
type Outcome int

const (
	// Answered is success.
	Answered Outcome = iota

	// Dropped never reaches the Server, and nobody says so.
	Dropped

	// Lost is applied, and no answer comes.
	Lost

	// Refused is an error, and not applied.
	Refused

	// Denied is applied, and then the answer is an error.
	Denied

	// Deferred is an error first, after After, and is applied Before after the
	// call all the same.
	Deferred

	// Repeated is applied twice, and the second answer is the one that comes.
	Repeated
)

// NewClient returns a Client whose calls go as script says; nil means without
// faults. script is called at each call's beginning, and must be safe for
// concurrent use.
func NewClient(server *Server, script func(Call) Fault) *Client {
	if script == nil {
		script = func(Call) Fault { return Fault{} }
	}
	return &Client{server: server, script: script}
}

// Txn sends a transaction.
func (c *Client) Txn(ctx context.Context, in *pb.TxnRequest, _ ...grpc.CallOption) (*pb.TxnResponse, error) {
	return call(ctx, c, in, c.server.Txn)
}

// Range sends a read.
func (c *Client) Range(ctx context.Context, in *pb.RangeRequest, _ ...grpc.CallOption) (*pb.RangeResponse, error) {
	return call(ctx, c, in, c.server.Range)
}

// Put sends a write.
func (c *Client) Put(ctx context.Context, in *pb.PutRequest, _ ...grpc.CallOption) (*pb.PutResponse, error) {
	return call(ctx, c, in, c.server.Put)
}

// DeleteRange sends a delete.
func (c *Client) DeleteRange(ctx context.Context, in *pb.DeleteRangeRequest, _ ...grpc.CallOption) (*pb.DeleteRangeResponse, error) {
	return call(ctx, c, in, c.server.DeleteRange)
}

func call[In, Out any](ctx context.Context, c *Client, in In, send func(In) (Out, error)) (Out, error) {
	var none Out
	if ctx.Err() != nil {
		return none, ended(ctx)
	}
	fault := c.script(Call{Seq: int(c.calls.Add(1)) - 1})
	life := c.server.currentLife()
	apply := func(in In) (Out, error) {
		if c.server.currentLife() != life {
			return none, errGone
		}
		return send(in)
	}
	switch fault.Outcome {
	case Dropped:
		<-ctx.Done()
		return none, ended(ctx)
	case Refused:
		return none, refusal(ctx, fault.Before+fault.After, fault.Err)
	case Deferred:
		time.AfterFunc(fault.Before, func() { _, _ = apply(in) })
		return none, refusal(ctx, fault.After, fault.Err)
	}

	// On a goroutine of its own, for the caller may give up before it is applied.
	var out Out
	var err error
	applied := make(chan struct{}) // closed when out and err are there
	time.AfterFunc(fault.Before, func() {
		out, err = apply(in)
		if fault.Outcome == Repeated {
			out, err = apply(in)
		}
		close(applied)
	})
	select {
	case <-applied:
	case <-ctx.Done():
		return none, ended(ctx)
	}
	switch {
	case fault.Outcome == Lost:
		<-ctx.Done()
		return none, ended(ctx)
	case fault.Outcome == Denied:
		return none, refusal(ctx, fault.After, fault.Err)
	case !sleep(ctx, fault.After):
		return none, ended(ctx)
	case c.server.currentLife() != life:
		return none, errGone
	}
	return out, err
}

// errGone is what gRPC says when the server has ended.
var errGone = status.Error(codes.Unavailable, "transport is closing")

// refusal is err after d, or ctx's end if that comes first.
func refusal(ctx context.Context, d time.Duration, err error) error {
	if !sleep(ctx, d) {
		return ended(ctx)
	}
	return err
}

// sleep blocks for d, and is false if ctx ends before that.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ended is what gRPC returns when a context has ended.
func ended(ctx context.Context) error { return status.FromContextError(ctx.Err()).Err() }
