package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
)

// natsConf is the file that a nats-server has its configuration from. What is said
// in it holds after the server's next start, or when it reads the file again.
type natsConf struct {
	file        string
	name        string    // of the server
	users       bool      // it knows a worker and a caller by name and password
	permissions string    // for workers; "": all
	others      string    // more users, each with a comma before it
	account     *account  // that signs for both; nil: none
	tls         *tlsFiles // certificates of all three; nil: none
	streams     string    // where JetStream is; "": there is none
	leaves      string    // port for leaf nodes; "": none
	more        string    // lines, which win over others
}

// newNATSConf returns nil if the plan needs no file.
func newNATSConf(t testing.TB, dir, name string, p plan) *natsConf {
	c := &natsConf{file: filepath.Join(dir, name+".conf"), name: name, users: p.natsUsers, more: p.natsConfig}
	if p.natsAccount {
		c.account = newAccount(t, dir)
	}
	if p.natsTLS {
		c.tls = newTLSFiles(t, dir, "nats", "worker")
	}
	if p.jetStream {
		c.streams = filepath.Join(dir, name+".streams")
	}
	if !c.users && c.account == nil && c.tls == nil && c.streams == "" && c.more == "" {
		return nil
	}
	return c
}

const natsConfig = `server_name: %s
host: 127.0.0.1
port: %s
http: "%s"
ping_interval: "2s"
ping_max: 2
write_deadline: "2s"
`

// configure writes the configuration.
func (n *natsServer) configure(t testing.TB) {
	t.Helper()
	c := n.conf
	text := fmt.Sprintf(natsConfig, c.name, port(n.addr), n.monitor)
	if c.users {
		permissions := ""
		if c.permissions != "" {
			permissions = ", permissions: " + c.permissions
		}
		text += fmt.Sprintf("authorization {users: [{user: worker, password: worker%s}, {user: caller, password: caller}%s]}\n", permissions, c.others)
	}
	if c.account != nil {
		text += c.account.config(t)
	}
	if c.tls != nil {
		text += fmt.Sprintf("tls {cert_file: %q, key_file: %q, ca_file: %q, verify: true, timeout: 10}\n", c.tls.cert("nats"), c.tls.key("nats"), c.tls.ca)
	}
	if c.leaves != "" {
		text += fmt.Sprintf("leafnodes {host: 127.0.0.1, port: %s, no_advertise: true}\n", c.leaves)
	}
	if c.streams != "" {
		text += fmt.Sprintf("jetstream {store_dir: %q}\n", c.streams)
	}
	if err := os.WriteFile(c.file, []byte(text+c.more), 0o600); err != nil {
		t.Fatal(err)
	}
}

// settings returns those of a worker, beyond the URL, that connects as user.
func (n *natsServer) settings(user string) string {
	switch c := n.conf; {
	case c == nil:
		return ""
	case c.account != nil:
		return fmt.Sprintf(", creds: %q", c.account.creds(user))
	case c.tls != nil:
		return fmt.Sprintf(", cert: %q, key: %q, ca: %q", c.tls.cert(user), c.tls.key(user), c.tls.ca)
	}
	return ""
}

// options are those of a caller that connects as user. Its certificate is the
// test's own, which is always good.
func (c *natsConf) options(user string) []nats.Option {
	switch {
	case c == nil:
		return nil
	case c.account != nil:
		return []nats.Option{nats.UserCredentials(c.account.creds(user))}
	case c.tls != nil:
		return []nats.Option{nats.RootCAs(c.tls.ca), nats.ClientCert(c.tls.cert("test"), c.tls.key("test"))}
	}
	return nil
}
