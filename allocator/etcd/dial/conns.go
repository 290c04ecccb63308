package dial

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// conns are the connections of a client, so that those that are of no use can be
// closed. gRPC would not do it: it closes a connection that broke, and one that
// is silent for 12 s. A connection to a member that answers with failure stays,
// and so does one whose endpoint was taken away until its last call has ended.
//
// How a connection is weighed stands in watch.go.
type conns struct {
	log *slog.Logger

	mu   sync.Mutex
	open map[*conn]bool
	ways map[string]*way // by address
}

// way is an address that is dialed. conns.mu guards it.
type way struct {
	spacing time.Duration        // between the last two connections that were closed; 0: the last one was of use
	next    time.Time            // when another one may be closed
	left    map[string]time.Time // what the name stands for, and when a connection to it was last closed
}

// conn is a connection that can be found again.
type conn struct {
	net.Conn
	all    *conns
	addr   string // as it was dialed
	opened time.Time

	// conns.mu guards these.
	answered time.Time // the latest transaction was; zero: none
	failing  time.Time // since when all have failed; zero: the latest was answered
	closed   bool
}

func newConns(log *slog.Logger) *conns {
	return &conns{log: log, open: map[*conn]bool{}, ways: map[string]*way{}}
}

// dial is the gRPC dialer of the client. It asks no proxy that the environment
// names: see Open.
func (cs *conns) dial(ctx context.Context, addr string) (nc net.Conn, err error) {
	tries := cs.tries(ctx, addr, net.DefaultResolver.LookupNetIP)
	for i, to := range tries {
		if nc, err = dialOne(ctx, to, len(tries)-i); err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: nc, all: cs, addr: addr, opened: time.Now()}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.open[c] = true
	return c, nil
}

// dialOne leaves some of ctx's time for those that are tried after it.
func dialOne(ctx context.Context, addr string, left int) (net.Conn, error) {
	if end, ok := ctx.Deadline(); ok && left > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(left))
		defer cancel()
	}
	return new(net.Dialer).DialContext(ctx, "tcp", addr)
}

type lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// tries returns what to dial for addr, one after the other. A name may stand for
// several members, and the system returns them in the same order each time: so
// the one whose connection was closed last is tried last.
func (cs *conns) tries(ctx context.Context, addr string, look lookup) []string {
	cs.mu.Lock()
	known := len(cs.wayLocked(addr).left) > 0
	cs.mu.Unlock()
	host, port, err := net.SplitHostPort(addr)
	if !known || err != nil {
		return []string{addr}
	}
	ips, err := look(ctx, "ip", host)
	if err != nil || len(ips) < 2 {
		return []string{addr}
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	way := cs.wayLocked(addr)
	left := map[string]time.Time{}
	tries := make([]string, len(ips))
	for i, ip := range ips {
		tries[i] = net.JoinHostPort(ip.Unmap().String(), port)
		if at, ok := way.left[tries[i]]; ok {
			left[tries[i]] = at
		}
	}
	way.left = left // without those that the name does not stand for any more
	slices.SortStableFunc(tries, func(a, b string) int { return cmp.Compare(left[a].UnixNano(), left[b].UnixNano()) })
	return tries
}

func (cs *conns) wayLocked(addr string) *way {
	w := cs.ways[addr]
	if w == nil {
		w = &way{left: map[string]time.Time{}}
		cs.ways[addr] = w
	}
	return w
}

func (c *conn) Close() error {
	c.all.mu.Lock()
	delete(c.all.open, c)
	c.all.mu.Unlock()
	return c.Conn.Close()
}

// LocalAddr leads from gRPC's notion of who was called back to c.
func (c *conn) LocalAddr() net.Addr { return localAddr{c.Conn.LocalAddr(), c} }

type localAddr struct {
	net.Addr
	conn *conn
}

// cut closes the connections to addr: the calls on them fail at once.
func (cs *conns) cut(addr string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.open {
		if c.addr == addr {
			c.Conn.Close() // gRPC notices, and calls Close
		}
	}
}

// addrOf returns what an endpoint is dialed as.
func addrOf(endpoint string) string {
	if u, err := url.Parse(endpoint); err == nil && strings.Contains(endpoint, "://") {
		return u.Host
	}
	return endpoint
}
