package dial

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// One address may stand for several members: a load balancer, a Kubernetes
// Service, a name with several addresses. Then nobody can be asked beforehand
// which member a connection leads to, and only what comes over it tells. A
// connection on which every transaction has failed for a while is closed; the
// next one may lead to another member.
//
// A member that works refuses much, too: for want of space, of permissions, of a
// login. That would be the same on any other, and closes nothing.
const (
	// connPatience is longer than an election, during which all members fail. It
	// leaves time to find a member that works within 5 s, through a balancer that
	// does not know which do.
	connPatience = 2 * time.Second

	// Connections that never were of use are closed with their first failure. If
	// nothing works at all they must not become a load: so there is at least this
	// between two of an address.
	minRedial = 500 * time.Millisecond
	maxRedial = 2 * time.Second
)

// watch is the interceptor that weighs the client's connections, by what writes:
// a member that answers reads may be unable to. A login is a write, too, and who
// has none sends no transaction.
func (cs *conns) watch(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if method != etcdserverpb.KV_Txn_FullMethodName && method != etcdserverpb.Auth_Authenticate_FullMethodName {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	var to peer.Peer // unset where no connection was used
	begun := time.Now()
	err := invoke(ctx, method, req, reply, cc, append(opts, grpc.Peer(&to))...)
	if addr, ok := to.LocalAddr.(localAddr); ok && !errors.Is(ctx.Err(), context.Canceled) {
		cs.heard(addr.conn, begun, time.Now(), err)
	}
	return err
}

// heard takes what became of a transaction on c, and closes c if that was once
// too often.
func (cs *conns) heard(c *conn, begun, now time.Time, err error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	w := cs.wayLocked(c.addr)
	if !unfit(err) {
		c.answered, c.failing = now, time.Time{}
		w.spacing, w.next = 0, time.Time{}
		return
	}
	if c.failing.IsZero() {
		c.failing = latest(begun, c.opened, c.answered)
	}
	failed := now.Sub(c.failing)
	switch {
	case c.closed, now.Before(w.next):
		return
	case !c.answered.IsZero() && failed < connPatience:
		return
	case status.Code(err) == codes.DeadlineExceeded && failed < memberTimeout: // it spent its time elsewhere
		return
	}
	if w.spacing == 0 { // else it has been said
		level := slog.LevelWarn
		if c.answered.IsZero() {
			level = slog.LevelInfo // it may be about to come up, as it does when all are started at once
		}
		cs.log.Log(context.Background(), level, "etcd fails on a connection; dialing anew", "endpoint", c.addr, "member", c.RemoteAddr().String(), "err", rpctypes.Error(err))
	}
	w.spacing = min(max(2*w.spacing, minRedial), maxRedial)
	w.next = now.Add(w.spacing)
	w.left[c.RemoteAddr().String()] = now
	c.closed = true
	c.Conn.Close() // gRPC notices, and calls Close
}

func latest(first time.Time, others ...time.Time) time.Time {
	for _, t := range others {
		if t.After(first) {
			first = t
		}
	}
	return first
}

// ErrLearner is the answer of a member that does not vote yet.
var ErrLearner = rpctypes.Error(rpctypes.ErrGRPCNotSupportedForLearner)

func isLearner(err error) bool { return errors.Is(rpctypes.Error(err), ErrLearner) }

// unfit reports whether err may be the fault of the member that was asked, or of
// the way to it, so that another one might do better.
func unfit(err error) bool {
	switch {
	case isLearner(err):
		return true
	case errors.Is(rpctypes.Error(err), rpctypes.ErrTooManyRequests): // has codes.Unknown on the wire
		return false
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Unknown, codes.Internal:
		return true
	}
	return false
}
