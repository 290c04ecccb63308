package dial

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"

	"google.golang.org/grpc/credentials"

	"github.com/seqd-io/seqd/internal/handshake"
)

// handshakes are gRPC's TLS credentials whose settings are asked for anew for
// every connection, so that certificates and authorities can be replaced while
// the client runs. Errors say what to try.
//
// tls.Config itself can't do it: it has no call that returns the authorities,
// and its VerifyConnection, which could check them, is not told an address that
// is not a name.
type handshakes struct {
	credentials.TransportCredentials // for what is not about a connection
	config                           func() (*tls.Config, error)
}

func newHandshakes(config func() (*tls.Config, error)) handshakes {
	return handshakes{credentials.NewTLS(nil), config}
}

func (h handshakes) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	config, err := h.config()
	if err != nil {
		return nil, nil, advised(fmt.Errorf("TLS settings: %w", err), "look at the files of --etcd-ca, --etcd-cert and --etcd-key")
	}
	conn, info, err := credentials.NewTLS(config).ClientHandshake(ctx, authority, raw)
	if err != nil {
		return nil, nil, advised(err, cmp.Or(handshake.Hint(err, "etcd"),
			"look whether etcd speaks TLS at this port, and at its log"))
	}
	return &greeted{Conn: conn}, info, nil
}

func (h handshakes) Clone() credentials.TransportCredentials { return h }

// greeted is a connection whose server may still refuse our certificate: in TLS
// 1.3 it does so after our side of the handshake has ended. It says so and goes;
// where we write before we read, all we see is that it has gone.
type greeted struct {
	net.Conn
	heard atomic.Bool // from the server, since the handshake
}

func (c *greeted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.heard.Store(true)
	}
	return n, c.explain(err)
}

func (c *greeted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	return n, c.explain(err)
}

func (c *greeted) explain(err error) error {
	if err == nil || c.heard.Load() {
		return err
	}
	return advised(err, cmp.Or(handshake.Hint(err, "etcd"),
		"etcd ended the connection after the TLS handshake: if it asks for a client certificate, or refuses ours, look at --etcd-cert and --etcd-key, and at its log"))
}
