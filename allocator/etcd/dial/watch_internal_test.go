package dial

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// connTo returns a connection that was opened at that time.
func connTo(t *testing.T, cs *conns, remote string, opened time.Time) *conn {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return &conn{Conn: remoteConn{ours, remote}, all: cs, addr: "etcd:2379", opened: opened}
}

// remoteConn is a connection to an address of our choice.
type remoteConn struct {
	net.Conn
	remote string
}

func (c remoteConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.remote))
}

// A connection that works is never closed, whatever etcd refuses on it, and one
// that fails is closed once that has lasted.
func TestConnectionIsClosedOnlyIfItFails(t *testing.T) {
	timeout := status.Error(codes.DeadlineExceeded, "context deadline exceeded")
	tooMany := status.Error(codes.Unknown, "etcdserver: too many requests") // as etcd 3.7.3 sends it
	type txn struct {
		sent, ended float64 // seconds
		err         error
	}
	for _, test := range []struct {
		name   string
		fresh  bool // no transaction was ever answered
		txns   []txn
		closed bool
	}{
		{name: "works", txns: []txn{{1, 1, nil}, {5, 5, nil}}},
		{name: "no leader", txns: []txn{{1, 1, rpctypes.ErrGRPCNoLeader}, {3, 3, rpctypes.ErrGRPCNoLeader}}, closed: true},
		{name: "no leader during an election", txns: []txn{{1, 1, rpctypes.ErrGRPCNoLeader}, {2.8, 2.8, rpctypes.ErrGRPCNoLeader}, {2.9, 2.9, nil}, {4, 4, rpctypes.ErrGRPCNoLeader}}},
		{name: "silent", txns: []txn{{1, 2, timeout}, {2, 3, timeout}}, closed: true},
		{name: "one of two falls behind", txns: []txn{{1, 2, timeout}, {1.5, 1.6, nil}, {2, 3, timeout}, {2.5, 2.6, nil}, {3, 4, timeout}, {3.5, 3.6, nil}}},
		{name: "full", txns: []txn{{1, 1, rpctypes.ErrGRPCNoSpace}, {9, 9, rpctypes.ErrGRPCNoSpace}}},
		{name: "not permitted", txns: []txn{{1, 1, rpctypes.ErrGRPCPermissionDenied}, {9, 9, rpctypes.ErrGRPCPermissionDenied}}},
		{name: "not logged in", txns: []txn{{1, 1, rpctypes.ErrGRPCAuthFailed}, {9, 9, rpctypes.ErrGRPCInvalidAuthToken}}},
		{name: "too large", txns: []txn{{1, 1, rpctypes.ErrGRPCTooManyOps}, {9, 9, rpctypes.ErrGRPCRequestTooLarge}}},
		{name: "overloaded", txns: []txn{{1, 1, tooMany}, {9, 9, tooMany}}},
		{name: "a learner", fresh: true, txns: []txn{{1, 1, rpctypes.ErrGRPCNotSupportedForLearner}}, closed: true},
		{name: "never of use", fresh: true, txns: []txn{{1, 1, rpctypes.ErrGRPCNoLeader}}, closed: true},
		{name: "new and full", fresh: true, txns: []txn{{1, 1, rpctypes.ErrGRPCNoSpace}, {9, 9, rpctypes.ErrGRPCNoSpace}}},
		{name: "new, and got the end of a second only", fresh: true, txns: []txn{{0.9, 1.1, timeout}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			zero := time.Now()
			at := func(s float64) time.Time { return zero.Add(time.Duration(s * float64(time.Second))) }
			cs := newConns(slog.New(slog.DiscardHandler))
			c := connTo(t, cs, "10.0.0.1:2379", at(0.8))
			if !test.fresh {
				cs.heard(c, at(0.8), at(0.8), nil)
			}
			slices.SortFunc(test.txns, func(a, b txn) int { return at(a.ended).Compare(at(b.ended)) })
			for _, x := range test.txns {
				cs.heard(c, at(x.sent), at(x.ended), x.err)
			}
			if c.closed != test.closed {
				t.Errorf("closed: %v, want %v", c.closed, test.closed)
			}
		})
	}
}

// Where nothing works, connections are closed less and less often, and at once
// again when something has worked.
func TestRedialsAreSpaced(t *testing.T) {
	cs := newConns(slog.New(slog.DiscardHandler))
	now := time.Now()
	redials := func(d time.Duration) (n int) {
		for end := now.Add(d); now.Before(end); {
			c := connTo(t, cs, "10.0.0.1:2379", now)
			for !c.closed && now.Before(end) {
				cs.heard(c, now, now, rpctypes.ErrGRPCNoLeader)
				now = now.Add(10 * time.Millisecond)
			}
			if c.closed {
				n++
			}
		}
		return n
	}
	if n := redials(time.Minute); n < 28 || n > 34 {
		t.Errorf("%d new connections in a minute", n)
	}
	cs.heard(connTo(t, cs, "10.0.0.1:2379", now), now, now, nil)
	if n := redials(time.Second); n != 2 {
		t.Errorf("%d new connections in the first second", n)
	}
}

// A name that stands for several members was dialed as one address: whatever
// failed, the system's first address came first again.
func TestNameOfSeveralMembers(t *testing.T) {
	cs := newConns(slog.New(slog.DiscardHandler))
	look := func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3")}, nil
	}
	now := time.Now()
	want := func(want ...string) {
		t.Helper()
		if got := cs.tries(t.Context(), "etcd:2379", look); !slices.Equal(got, want) {
			t.Errorf("tries %v, want %v", got, want)
		}
	}
	fail := func(remote string) {
		now = now.Add(time.Minute)
		cs.heard(connTo(t, cs, remote, now), now, now, rpctypes.ErrGRPCNoLeader)
	}
	want("etcd:2379") // as long as all is well the system knows best
	fail("10.0.0.1:2379")
	want("10.0.0.2:2379", "10.0.0.3:2379", "10.0.0.1:2379")
	fail("10.0.0.2:2379")
	want("10.0.0.3:2379", "10.0.0.1:2379", "10.0.0.2:2379")
}
