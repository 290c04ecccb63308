package etcd

import (
	"context"
	"net"
	"net/url"
	"strings"
	"sync"
)

// conns knows the open connections to each address, so that those to one that
// does not answer can be cut. The zero value is ready.
//
// gRPC would not do it: a connection whose endpoint is taken away is closed when
// its last call has ended, and a call to a member that is silent ends with its
// deadline only.
type conns struct {
	mu   sync.Mutex
	open map[*conn]string // to its address
}

// conn is a connection that cut can find.
type conn struct {
	net.Conn
	all *conns
}

// dial is the gRPC dialer of a client whose connections shall be known.
func (cs *conns) dial(ctx context.Context, addr string) (net.Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &conn{nc, cs}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.open == nil {
		cs.open = map[*conn]string{}
	}
	cs.open[c] = addr
	return c, nil
}

func (c *conn) Close() error {
	c.all.mu.Lock()
	delete(c.all.open, c)
	c.all.mu.Unlock()
	return c.Conn.Close()
}

// cut closes the connections to addr: the calls on them fail at once.
func (cs *conns) cut(addr string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c, to := range cs.open {
		if to == addr {
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

// isUnix reports whether an endpoint is a socket in the file system.
func isUnix(endpoint string) bool {
	return strings.HasPrefix(endpoint, "unix:") || strings.HasPrefix(endpoint, "unixs:")
}
