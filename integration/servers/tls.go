package servers

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
)

// TLS is a server's side of TLS. The files are read when the server starts.
type TLS struct {
	Certificate
	CA string // who signs clients' certificates, which are asked for then; "": they are not
}

// Start starts a nats-server with TLS, and without plain connections.
// change, which may be nil, gets the options before.
func (c TLS) StartNATS(t testing.TB, change func(*server.Options)) *NATS {
	t.Helper()
	return StartNATS(t, func(o *server.Options) {
		o.TLS, o.TLSTimeout = true, 10 // seconds: tests may be slow
		o.TLSCert, o.TLSKey, o.TLSCaCert, o.TLSVerify = c.Cert, c.Key, c.CA, c.CA != ""
		if change != nil {
			change(o)
		}
	})
}

// StartEtcd starts an etcd that clients reach over TLS only.
func (c TLS) StartEtcd(t testing.TB) *Etcd {
	t.Helper()
	return StartEtcdWith(t, func(config *embed.Config) {
		config.UnsafeNoFsync, config.BcryptCost = true, 4
		config.ListenClientUrls[0].Scheme, config.AdvertiseClientUrls[0].Scheme = "https", "https"
		config.ClientTLSInfo = transport.TLSInfo{
			CertFile: c.Cert, KeyFile: c.Key, TrustedCAFile: c.CA, ClientCertAuth: c.CA != "",
			Logger: config.GetLogger(),
		}
	})
}
