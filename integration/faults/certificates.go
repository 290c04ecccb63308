package faults

import (
	"crypto/tls"
	"path/filepath"
	"testing"

	"go.etcd.io/etcd/client/pkg/v3/transport"

	"github.com/seqd-io/seqd/integration/servers"
)

// tlsFiles are an authority and the certificates of servers, of the workers
// and of the test itself, which can be replaced. The test's own are always good.
type tlsFiles struct {
	dir, ca   string
	names     []string // whose certificates there are, beside the test's
	authority *servers.Authority
}

func newTLSFiles(t testing.TB, dir string, names ...string) *tlsFiles {
	f := &tlsFiles{dir: dir, ca: filepath.Join(dir, "ca.pem"), names: names, authority: servers.NewAuthority(t)}
	f.authority.Write(t, f.ca)
	f.renew(t)
	f.authority.Issue(t, dir, "test", nil)
	return f
}

// renew replaces the certificates of servers and workers by those that are good.
func (f *tlsFiles) renew(t testing.TB) {
	for _, name := range f.names {
		f.authority.Issue(t, f.dir, name, nil)
	}
}

// expire replaces somebody's certificate by one that has expired.
func (f *tlsFiles) expire(t testing.TB, name string) {
	f.authority.Issue(t, f.dir, name, servers.Expired)
}

func (f *tlsFiles) cert(name string) string { return filepath.Join(f.dir, name+".pem") }
func (f *tlsFiles) key(name string) string  { return filepath.Join(f.dir, name+"-key.pem") }

// client returns the test's own side of TLS, nil of no files.
func (f *tlsFiles) client(t testing.TB) *tls.Config {
	t.Helper()
	if f == nil {
		return nil
	}
	info := transport.TLSInfo{CertFile: f.cert("test"), KeyFile: f.key("test"), TrustedCAFile: f.ca}
	config, err := info.ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	return config
}
