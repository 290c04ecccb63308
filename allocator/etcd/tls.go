package etcd

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

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
		return nil, nil, fmt.Errorf("TLS settings: %w", err)
	}
	conn, info, err := credentials.NewTLS(config).ClientHandshake(ctx, authority, raw)
	if err != nil {
		return nil, nil, advised(err)
	}
	return alerted{conn}, info, nil
}

func (h handshakes) Clone() credentials.TransportCredentials { return h }

// alerted is a connection whose server may still refuse our certificate: in
// TLS 1.3 it does so after our side of the handshake has ended.
type alerted struct{ net.Conn }

func (c alerted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	return n, advised(err)
}

// advised adds what to try to an error of TLS. gRPC keeps its text only.
func advised(err error) error {
	if hint := handshake.Hint(err, "etcd"); hint != "" {
		return fmt.Errorf("%w; %s", err, hint)
	}
	return err
}
