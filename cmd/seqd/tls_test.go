//go:build !lean

package main

import (
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/integration/servers"
)

// A handshake that fails says what to try, with NATS and with etcd.
func TestHandshakeErrors(t *testing.T) {
	dir := t.TempDir()
	ours, theirs := servers.NewAuthority(t), servers.NewAuthority(t)
	ca, otherCA := ours.Write(t, dir+"/ca.pem"), theirs.Write(t, dir+"/other-ca.pem")
	client := ours.Issue(t, dir, "client", nil)
	stranger := theirs.Issue(t, dir, "stranger", nil)
	old := ours.Issue(t, dir, "old", servers.Expired)
	forServers := ours.Issue(t, dir, "forservers", func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[:1] })

	good := servers.TLS{Certificate: ours.Issue(t, dir, "server", nil), CA: ca}
	expired := servers.TLS{Certificate: ours.Issue(t, dir, "expired", servers.Expired)}
	elsewhere := servers.TLS{Certificate: ours.Issue(t, dir, "elsewhere", func(c *x509.Certificate) {
		c.IPAddresses, c.DNSNames = []net.IP{net.IPv4(10, 9, 8, 7)}, []string{"etcd.example.com"}
	})}
	forClients := servers.TLS{Certificate: ours.Issue(t, dir, "forclients", func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[1:] })}

	tests := []struct {
		name   string
		server *servers.TLS // nil: without TLS
		cert   *servers.Certificate
		ca     string
		nats   string // what is said of NATS; "" is a handshake that succeeds
		etcd   string // the same of etcd; "same": as of NATS
	}{
		{"good", &good, &client, ca, "", ""},
		{"no authority", &good, &client, "", "set --nats-ca to the file", "set --etcd-ca to the file"},
		{"wrong authority", &good, &client, otherCA, "set --nats-ca to the file", "set --etcd-ca to the file"},
		{"no client certificate", &good, nil, ca, "set --nats-cert and --nats-key", "set --etcd-cert and --etcd-key"},
		{"stranger's client certificate", &good, &stranger, ca, "signed by an authority that the server trusts", "same"},
		{"expired client certificate", &good, &old, ca, "look whether the one in --nats-cert is still valid", "look whether the one in --etcd-cert is still valid"},
		{"client certificate for servers", &good, &forServers, ca, "for clients", "same"},
		{"expired server", &expired, nil, ca, "renew it, or set this machine's clock", "same"},
		{"server of another name", &elsewhere, nil, ca, "but for etcd.example.com, 10.9.8.7", "same"},
		{"server certificate for clients", &forClients, nil, ca, "made anew, for servers", "same"},
		{"server without TLS", nil, nil, ca, "the server offers no TLS", "look whether etcd speaks TLS at this port"},
		{"file is missing", &good, nil, dir + "/nothing.pem", "look whether the file is there", "look at --etcd-ca"},
		{"file holds no certificate", &good, nil, client.Key, "failed to parse root certificate", "holds no certificate in PEM; look at --etcd-ca"},
	}
	natsAt, etcdAt := map[*servers.TLS]string{}, map[*servers.TLS]string{nil: servers.StartEtcd(t).Endpoint}
	natsAt[nil] = servers.StartNATS(t, nil).URL
	for _, s := range []*servers.TLS{&good, &expired, &elsewhere, &forClients} {
		natsAt[s], etcdAt[s] = s.StartNATS(t, nil).URL, s.StartEtcd(t).Endpoint
	}
	flags := func(peer string, cert *servers.Certificate, ca string) (args []string) {
		if cert != nil {
			args = append(args, "--"+peer+"-cert", cert.Cert, "--"+peer+"-key", cert.Key)
		}
		if ca != "" {
			args = append(args, "--"+peer+"-ca", ca)
		}
		return args
	}
	for _, test := range tests {
		t.Run("NATS/"+test.name, func(t *testing.T) {
			want := test.nats
			if want == "" {
				want = "no responders" // and so we were let in
			}
			for _, command := range [][]string{{"next"}, {"bench", "--duration", "1ms"}} {
				args := append(append(command, "demo", "key", "--timeout", "5s", "--nats-url", natsAt[test.server]), flags("nats", test.cert, test.ca)...)
				got := runSeqd(t, args...)
				// Where a server that refuses our certificate has gone before it was asked why:
				gone := strings.Contains(test.name, "client certificate") && strings.Contains(got.stderr, "or refuses ours: look at --nats-cert")
				nobody := test.nats == "" && strings.Contains(got.stderr, "nobody answers")
				if got.code != exitFailed || !strings.Contains(got.stderr, want) && !gone && !nobody {
					t.Errorf("%s: got %+v, want %q", command[0], got, want)
				}
			}
		})
		t.Run("etcd/"+test.name, func(t *testing.T) {
			t.Parallel() // it waits for 5 s, in case etcd comes
			want := test.etcd
			if want == "same" {
				want = test.nats
			}
			endpoint := etcdAt[test.server]
			if test.server != nil && len(flags("", test.cert, test.ca)) == 0 {
				endpoint = "https://" + endpoint
			}
			got := runSeqd(t, append([]string{"admin", "ls", "--etcd-endpoints", endpoint}, flags("etcd", test.cert, test.ca)...)...)
			gone := strings.Contains(test.name, "client certificate") && strings.Contains(got.stderr, "or refuses ours, look at --etcd-cert")
			if want == "" && got != (result{exitOK, got.stdout, ""}) || want != "" && (got.code != exitFailed || !strings.Contains(got.stderr, want) && !gone) {
				t.Errorf("got %+v, want %q", got, want)
			}
		})
	}
}

// Settings that would send a password in plain text, or mean nothing, are errors
// that name the line.
func TestTLSSettings(t *testing.T) {
	for text, want := range map[string]string{
		"etcd:\n  endpoints: [\"http://h:1\"]\n  tls: {ca: x}\n":              ":2: etcd.endpoints: endpoint 1 of 1 begins with http://, but tls is set",
		"etcd:\n  endpoints: [\"https://h:1\", \"h:2\"]\n":                    ":2: etcd.endpoints: must all begin with https://, or none",
		"etcd:\n  tls: {cert: x}\n":                                           ":2: etcd.tls: cert and key belong together",
		"etcd:\n  username: u\n":                                              ":2: etcd.username: is set without a password",
		"stores:\n  a:\n    etcd: {endpoints: [\"h:1\"], tls: {key: x}}\n":    ":3: stores.a.etcd.tls: cert and key belong together",
		"stores:\n  a:\n    etcd: {endpoints: [\"h:1\"], password: secret}\n": ":3: stores.a.etcd.password: is set without a username",
		"nats:\n  cert: x\n":                                                  ":2: nats.cert: is set without nats.key",
	} {
		file := filepath.Join(t.TempDir(), "seqd.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := runSeqd(t, "check-config", file); got.code != exitFailed || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: got %+v, want %q", text, got, want)
		}
	}
}

// Authorities, the servers' certificates and the worker's are all replaced while
// it runs: it comes back without a restart.
func TestCertificatesAreReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	tls := servers.TLS{CA: ca, Certificate: servers.Certificate{Cert: dir + "/server.pem", Key: dir + "/server-key.pem"}}
	var authorities []*servers.Authority
	replace := func() {
		a := servers.NewAuthority(t)
		authorities = append(authorities, a)
		a.Write(t, ca)
		a.Issue(t, dir, "server", nil)
		a.Issue(t, dir, "worker", nil)
	}
	replace()
	nats, db := tls.StartNATS(t, nil), tls.StartEtcd(t)
	file := filepath.Join(dir, "seqd.yaml")
	config := `
nats: {url: "` + nats.URL + `", cert: ` + dir + `/worker.pem, key: ` + dir + `/worker-key.pem, ca: ` + ca + `}
etcd:
  endpoints: ["https://` + db.Endpoint + `"]
  tls: {cert: ` + dir + `/worker.pem, key: ` + dir + `/worker-key.pem, ca: ` + ca + `}
stores:
  here: {mode: strong}
  there:
    mode: strong
    etcd: {endpoints: ["` + db.Endpoint + `"], prefix: /elsewhere, tls: {cert: ` + dir + `/worker.pem, key: ` + dir + `/worker-key.pem, ca: ` + ca + `}}
`
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, nil, "worker", "--config", file, "--http-addr", "none")
	p.wait(t, p.stderr, `joined the queue group" [^\n]*store=here`)
	p.wait(t, p.stderr, `joined the queue group" [^\n]*store=there`)
	next := func(want string) {
		t.Helper()
		tlsFlags := []string{"--nats-ca", ca, "--nats-cert", dir + "/worker.pem", "--nats-key", dir + "/worker-key.pem"}
		wantIDs(t, nats.URL, want, append(tlsFlags, "here", "key")...)
		wantIDs(t, nats.URL, want, append(tlsFlags, "there", "key")...)
	}
	next("1\n")

	nats.Stop()
	replace()
	nats.Start(t)
	p.wait(t, p.stderr, `(?s)disconnected from NATS.*reconnected to NATS`)
	next("2\n")

	db.Stop()
	p.wait(t, p.stderr, `left the queue group[^\n]*store=here`)
	p.wait(t, p.stderr, `left the queue group[^\n]*store=there`)
	db.Start(t) // with the certificate that nats-server has now, and the worker may
	p.wait(t, p.stderr, `(?s)left the queue group[^\n]*store=here.*joined the queue group" [^\n]*store=here`)
	p.wait(t, p.stderr, `(?s)left the queue group[^\n]*store=there.*joined the queue group" [^\n]*store=there`)
	next("3\n")

	// One at a time: the server first. The worker says why it stays away, until
	// its own files are replaced too.
	nats.Stop()
	stranger := servers.NewAuthority(t)
	stranger.Issue(t, dir, "server", nil)
	stranger.Write(t, dir+"/ca.pem.server")
	nats.Start(t)
	p.wait(t, p.stderr, `can't connect to NATS[^\n]*unknown authority[^\n]*--nats-ca`)
	stranger.Write(t, ca, authorities[len(authorities)-1])
	p.wait(t, p.stderr, `(?s)unknown authority.*reconnected to NATS`)
	next("4\n")
}

// A client certificate's common name is the etcd user.
func TestEtcdUserInCertificate(t *testing.T) {
	dir := t.TempDir()
	a := servers.NewAuthority(t)
	tls := servers.TLS{Certificate: a.Issue(t, dir, "server", nil), CA: a.Write(t, dir+"/ca.pem")}
	a.Issue(t, dir, "worker", nil)
	a.Issue(t, dir, "nobody", nil)
	a.Issue(t, dir, "root", nil)
	nats, db := servers.StartNATS(t, nil), tls.StartEtcd(t)
	files := func(name string) settings.TLS {
		return settings.TLS{Cert: dir + "/" + name + ".pem", Key: dir + "/" + name + "-key.pem", CA: dir + "/ca.pem"}
	}
	root, err := settings.Etcd{Endpoints: []string{db.Endpoint}, TLS: files("root")}.Dial(t.Context(), slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	ctx := t.Context()
	for _, user := range []string{"root", "worker"} {
		_, err1 := root.RoleAdd(ctx, user)
		_, err2 := root.UserAddWithOptions(ctx, user, "", &clientv3.UserAddOptions{NoPassword: true})
		_, err3 := root.UserGrantRole(ctx, user, user)
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
	}
	_, err1 := root.RoleGrantPermission(ctx, "worker", "/seqd/", clientv3.GetPrefixRangeEnd("/seqd/"), clientv3.PermissionType(clientv3.PermReadWrite))
	_, err2 := root.AuthEnable(ctx)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	env := func(name string) []string {
		f := files(name)
		return []string{"SEQD_ETCD_ENDPOINTS=" + db.Endpoint, "SEQD_ETCD_CERT=" + f.Cert, "SEQD_ETCD_KEY=" + f.Key, "SEQD_ETCD_CA=" + f.CA, "NATS_URL=" + nats.URL, "SEQD_HTTP_ADDR=none"}
	}
	stranger := start(t, env("nobody"), "worker")
	stranger.wait(t, stranger.stderr, `not serving yet[^\n]*grant the user, or the one that the client certificate names, a role`)
	w := start(t, env("worker"), "worker")
	w.wait(t, w.stderr, "joined the queue group")
	wantIDs(t, nats.URL, "1\n", "demo", "key", "--mode", "strong")
}
