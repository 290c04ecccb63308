//go:build !lean

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/integration/ports"
	"github.com/seqd-io/seqd/integration/servers"
)

// secret is part of every secret in these tests.
const secret = "hunter2"

// wantNoSecret checks that a text shows no secret.
func wantNoSecret(t *testing.T, what, text string) {
	t.Helper()
	if strings.Contains(strings.ToLower(text), secret) {
		t.Errorf("%s shows a secret:\n%s", what, text)
	}
}

// Settings that are wrong, and those that are right, are never shown.
func TestSettingsAreNotShown(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	t.Setenv("XDG_CONFIG_HOME", dir)
	write("nats/context/badurl.json", `{"url": "nats://u:hun ter2hunter2@h:1"}`)
	write("nats/context/baduser.json", `{"url": "nats://hunter2@127.0.0.1:1", "user": "hunter2", "password": "hunter2"}`)
	write("nats/context/badjson.json", `{"password": hunter2`)
	write("nats/context/badtype.json", `{"password": ["hunter2"]}`)
	seed := write("seed", "SUhunter2")
	creds := write("creds", "-----BEGIN NATS USER JWT-----\nhunter2\n")
	pem := write("pem", "-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n")

	type setting struct{ name, value, want string } // want is in what is printed
	var tests []setting
	for _, url := range []string{
		"nats://u:hunter2@h:x", "nats://u:p/hunter2@h:1", "nats://u:12#hunter2@h:1", "nats://u:1?hunter2@h:1",
		"nats://u:%zzhunter2@h:1", "nats://u:\x7fhunter2@h:1", "nats://hunter2 x@h:1", "//hunter2@h", "nats://u:[hunter2@h:1",
		"nats://ok:1,nats://u:hun/hunter2@h:1", "http://hunter2@h:1", "nats://h/hunter2", "nats://hunter2@",
	} {
		tests = append(tests, setting{"NATS_URL", url, "server "})
	}
	tests = append(tests,
		setting{"NATS_URL", "nats://hunter2:hunter2@127.0.0.1:1", "no servers available"},
		setting{"NATS_URL", "hunter2:hunter2@127.0.0.1:1", "no servers available"},
		setting{"NATS_URL", "nats://hunter2@127.0.0.1:1", "no servers available"},
		setting{"NATS_PASSWORD", secret, "nats.password: is set without nats.user"},
		setting{"NATS_TOKEN", secret, "no servers available"},
		setting{"NATS_NKEY", "SU" + strings.Repeat(strings.ToUpper(secret), 8), "must be the name of a file"},
		setting{"NATS_NKEY", seed, "not a seed"},
		setting{"NATS_CREDS", "-----BEGIN NATS USER JWT-----\nhunter2", "must be the name of a file"},
		setting{"NATS_CREDS", creds, "no user JWT"},
		setting{"NATS_CA", pem, "failed to parse root certificate"},
		setting{"NATS_CA", "-----BEGIN CERTIFICATE-----hunter2", "must be the name of a file"},
		setting{"NATS_CONTEXT", "badurl", "its URL is malformed"},
		setting{"NATS_CONTEXT", "baduser", "no servers available"},
		setting{"NATS_CONTEXT", "badjson", "invalid character"},
		setting{"NATS_CONTEXT", "badtype", "cannot unmarshal"},
		setting{"SEQD_ETCD_ENDPOINTS", "http://u:hunter2@h:1", "holds a user or password"},
		setting{"SEQD_ETCD_ENDPOINTS", "h:1,u:hun ter2hunter2@h:1", "holds a user or password"},
		setting{"SEQD_ETCD_PASSWORD", secret, "etcd.password: is set without a username"},
		setting{"SEQD_ETCD_CA", "-----BEGIN CERTIFICATE-----hunter2", "must be the name of a file"},
	)
	for _, test := range tests {
		t.Run(test.name+"/"+test.value, func(t *testing.T) {
			t.Setenv(test.name, test.value)
			commands := [][]string{
				{"next", "demo", "key"}, {"bench", "--duration", "1ms"}, {"top", "--once"}, {"check-config"},
				{"stamp", "--stream", "a", "--consumer", "b", "--store", "c", "--to", "d", "--key", "k", "--http-addr", "none"}, // it showed the URL's password
			}
			if strings.HasPrefix(test.name, "SEQD_") {
				commands = [][]string{{"admin", "ls"}, {"check-config"}}
			}
			shown := ""
			for _, args := range commands {
				got := runSeqd(t, args...)
				wantNoSecret(t, args[0], got.stdout+got.stderr)
				shown += got.stderr
			}
			if !strings.Contains(shown, test.want) {
				t.Errorf("got %s, want %q", shown, test.want)
			}
		})
	}
	for _, text := range []string{
		"nats: {password: *hunter2}", "nats: hunter2", "etcd: hunter2hunter2", "etcd: {tls: hunter2}", "etcd: {password: [hunter2]}",
		"nats: {user: a, password: !!int hunter2}", "nats: {password: @hunter2}", "nats: {password: \"hunter2}", "nats: {password: hunter2: x}",
		"nats: {password: \"\\hunter2\"}", "nats:\n  password: a\n  password: hunter2", "nats: {url: \"nats://u:p/hunter2@h:1\"}",
		"etcd: {username: a, password: |hunter2}", "stores: {a: {etcd: {endpoints: [\"u:hunter2@h:1\"]}}}", "stores: {a: {etcd: hunter2}}",
		"stores: {a: {etcd: {endpoints: [\"h:1\"], password: hunter2}}}", "nats: `hunter2` into main.x",
	} {
		t.Run("file/"+text, func(t *testing.T) {
			got := runSeqd(t, "check-config", write("seqd.yaml", text+"\n"))
			if wantNoSecret(t, "check-config", got.stdout+got.stderr); got.code != exitFailed {
				t.Errorf("got %+v, want an error", got)
			}
		})
	}
	t.Run("help and check-config", func(t *testing.T) {
		for _, name := range []string{"NATS_TOKEN", "NATS_USER", "NATS_PASSWORD", "SEQD_ETCD_USERNAME", "SEQD_ETCD_PASSWORD"} {
			t.Setenv(name, secret)
		}
		t.Setenv("NATS_URL", "nats://hunter2:hunter2@h:1")
		for _, args := range [][]string{
			{"-h"}, {"worker", "-h"}, {"next", "-h"}, {"bench", "-h"}, {"admin", "ls", "-h"}, {"check-config", "-h"}, {"check-config"},
			{"worker", "--bogus=hunter2"}, {"next", "--nats-passwort=hunter2", "a", "b"}, {"next", "--n=x"},
		} {
			got := runSeqd(t, args...)
			wantNoSecret(t, fmt.Sprint(args), got.stdout+got.stderr)
		}
	})
}

// A worker's log, its HTTP and what it tells on NATS show no secret, whatever
// becomes of its connections.
func TestWorkerShowsNoSecret(t *testing.T) {
	for _, test := range []struct {
		name    string
		userAt  string // in the URL
		env     []string
		options func(*server.Options)
	}{
		{"user in the URL", "hunter2user:hunter2pass@", nil, func(o *server.Options) { o.Username, o.Password = "hunter2user", "hunter2pass" }},
		{"token in the URL", "hunter2token@", nil, func(o *server.Options) { o.Authorization = "hunter2token" }},
		{"token", "", []string{"NATS_TOKEN=hunter2token"}, func(o *server.Options) { o.Authorization = "hunter2token" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			if testing.Short() && test.env == nil {
				t.Skip("takes ten seconds, as the others do")
			}
			nats := servers.StartNATS(t, test.options)
			db := servers.StartEtcd(t)
			host := strings.TrimPrefix(nats.URL, "nats://")
			url := "nats://" + test.userAt + host
			nats.Stop()
			db.Stop()
			addr := ports.Free(t)
			env := append(test.env, "NATS_URL="+url, "SEQD_ETCD_USERNAME=hunter2name", "SEQD_ETCD_PASSWORD=hunter2etcd",
				"SEQD_ETCD_ENDPOINTS="+db.Endpoint, "SEQD_LOG_LEVEL=debug", "SEQD_HTTP_ADDR="+addr)
			p := start(t, env, "worker")
			p.wait(t, p.stderr, "can't connect to NATS")
			p.wait(t, p.stderr, "not serving yet")
			nats.Start(t)
			db.Start(t)
			p.wait(t, p.stderr, "joined the queue group")
			for _, pair := range test.env {
				name, value, _ := strings.Cut(pair, "=")
				t.Setenv(name, value)
			}
			wantIDs(t, url, "1\n", "demo", "key", "--mode", "strong")
			shown := discovery(t, url, test.env) + ask(t, addr, "/readyz") + ask(t, addr, "/readyz?verbose") + ask(t, addr, "/metrics")
			if !strings.Contains(shown, "io.nats.micro.v1.stats_response") {
				t.Errorf("discovery says nothing: %s", shown)
			}
			nats.Stop()
			p.wait(t, p.stderr, "disconnected from NATS")
			nats.Start(t)
			p.wait(t, p.stderr, "reconnected to NATS")
			p.signal(t, syscall.SIGTERM)
			wantNoSecret(t, "the worker", p.stdout.String()+p.stderr.String())
			wantNoSecret(t, "HTTP or discovery", shown)
		})
	}
}

// discovery returns all that a worker tells of itself.
func discovery(t *testing.T, url string, env []string) (all string) {
	t.Helper()
	var options []nats.Option
	for _, pair := range env {
		if token, ok := strings.CutPrefix(pair, "NATS_TOKEN="); ok {
			options = append(options, nats.Token(token))
		}
	}
	nc, err := nats.Connect(url, options...)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for _, verb := range []string{"PING", "INFO", "STATS"} {
		m, err := nc.Request("$SRV."+verb+".seqd", nil, patience)
		if err != nil {
			t.Fatal(err)
		}
		all += string(m.Data)
	}
	return all
}
