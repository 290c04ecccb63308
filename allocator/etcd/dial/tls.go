package dial

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"

	"google.golang.org/grpc/credentials"
)

// HandshakeError is a TLS connection to etcd that did not come about.
type HandshakeError struct {
	Err   error // of crypto/tls, crypto/x509 or net; of our own files, where Files is set
	Files bool  // our settings can't be read
	Later bool  // the handshake had ended on our side, and etcd ended the connection
}

func (e *HandshakeError) Error() string {
	if e.Files {
		return fmt.Sprintf("TLS settings: %v", e.Err)
	}
	return e.Err.Error()
}
func (e *HandshakeError) Unwrap() error { return e.Err }

// handshakes are gRPC's TLS credentials whose settings are asked for anew for
// every connection, so that certificates and authorities can be replaced while
// the client runs.
//
// tls.Config itself can't do it: it has no call that returns the authorities,
// and its VerifyConnection, which could check them, is not told an address that
// is not a name.
type handshakes struct {
	credentials.TransportCredentials // for what is not about a connection
	config                           func() (*tls.Config, error)
	causes                           *causes
}

func newHandshakes(config func() (*tls.Config, error), causes *causes) handshakes {
	return handshakes{credentials.NewTLS(nil), config, causes}
}

func (h handshakes) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	config, err := h.config()
	if err != nil {
		return nil, nil, h.causes.note(&HandshakeError{Err: err, Files: true})
	}
	conn, info, err := credentials.NewTLS(config).ClientHandshake(ctx, authority, raw)
	if err != nil {
		return nil, nil, h.causes.note(&HandshakeError{Err: err})
	}
	return &greeted{Conn: conn, causes: h.causes}, info, nil
}

func (h handshakes) Clone() credentials.TransportCredentials { return h }

// greeted is a connection whose server may still refuse our certificate: in TLS
// 1.3 it does so after our side of the handshake has ended. It says so and goes;
// where we write before we read, all we see is that it has gone.
type greeted struct {
	net.Conn
	causes *causes
	heard  atomic.Bool // from the server, since the handshake
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
	return c.causes.note(&HandshakeError{Err: err, Later: true})
}
