//go:build !lean

package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/integration/servers"
)

// Who writes a password with echo, or encodes it for Kubernetes, writes a line; and
// files come from systems that end lines with CR LF. The line's end was a part of
// the secret, and the login was refused without a word about it.
func TestSecretsWithALineEnd(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	user, op := newKeys(t, nkeys.CreateUser), newOperator(t)
	creds, _ := op.creds(t)
	password := servers.StartNATS(t, func(o *server.Options) { o.Username, o.Password = "me", "hunter2pass" })
	token := servers.StartNATS(t, func(o *server.Options) { o.Authorization = "hunter2tok" })
	nkey := servers.StartNATS(t, func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: user.public}} })
	byCreds := servers.StartNATS(t, func(o *server.Options) { op.server(t, o) })
	crlf := func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

	letIn := func(what string, c settings.NATS) {
		t.Helper()
		cfg := settings.Default()
		cfg.NATS = c
		if _, err := cfg.Check(settings.Source{}); err != nil {
			t.Errorf("%s: check: %v", what, err)
		}
		nc, err := c.Connect()
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		nc.Close()
	}
	for name, end := range map[string]string{"none": "", "LF": "\n", "CR LF": "\r\n", "two": "\n\n"} {
		t.Run(name, func(t *testing.T) {
			letIn("password", settings.NATS{URL: password.URL + end, User: "me" + end, Password: "hunter2pass" + end})
			letIn("token", settings.NATS{URL: token.URL, Token: "hunter2tok" + end})
			letIn("seed", settings.NATS{URL: nkey.URL, NKey: put(t, dir+"/seed", user.seed+end)})
			letIn("creds", settings.NATS{URL: byCreds.URL, Creds: put(t, dir+"/creds", strings.TrimSpace(creds)+end)})
			letIn("creds of another system", settings.NATS{URL: byCreds.URL, Creds: put(t, dir+"/creds", crlf(strings.TrimSpace(creds)+end))})
			context := func(url, more string) settings.NATS {
				put(t, filepath.Join(dir, "nats/context/c.json"), fmt.Sprintf(`{"url": %q, %s}`, url, more))
				return settings.NATS{Context: "c"}
			}
			letIn("context's password", context(password.URL, fmt.Sprintf(`"user": %q, "password": %q`, "me"+end, "hunter2pass"+end)))
			letIn("context's token", context(token.URL, fmt.Sprintf(`"token": %q`, "hunter2tok"+end)))
		})
	}
	t.Run("environment", func(t *testing.T) {
		t.Setenv("NATS_URL", password.URL+"\n")
		t.Setenv("NATS_USER", "me\n")
		t.Setenv("NATS_PASSWORD", "hunter2pass\r\n")
		if got := runSeqd(t, "next", "demo", "key"); strings.Contains(got.stderr, "connect to NATS") {
			t.Errorf("got %+v, want to be let in", got)
		}
	})
	for _, test := range []struct{ name, value, want string }{
		{"NATS_TOKEN", "hunter2\nhunter2", "nats.token: holds a line end"},
		{"NATS_USER", "hunter2\thunter2", "nats.user: holds a line end or another control character"},
		{"SEQD_ETCD_USERNAME", "hunter2\r\nhunter2", "etcd.username: holds a line end"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(test.name, test.value)
			t.Setenv("SEQD_ETCD_PASSWORD", "hunter2")
			if test.name != "SEQD_ETCD_USERNAME" {
				t.Setenv("SEQD_ETCD_PASSWORD", "")
			}
			got := runSeqd(t, "check-config")
			wantNoSecret(t, test.name, got.stdout+got.stderr)
			if got.code != exitUsage || !strings.Contains(got.stderr, "environment variable "+test.name+": "+test.want) {
				t.Errorf("got %+v, want %q", got, test.want)
			}
		})
	}
}

// The same for etcd, from flags, environment and file, of which the last has lines
// by nature: password: |.
func TestEtcdPasswordWithALineEnd(t *testing.T) {
	db := servers.StartEtcdWith(t, func(c *embed.Config) { c.UnsafeNoFsync, c.BcryptCost = true, 4 })
	root := db.Connect(t)
	ctx := t.Context()
	for _, err := range []error{
		second(root.UserAdd(ctx, "root", "hunter2pass")), second(root.RoleAdd(ctx, "root")),
		second(root.UserGrantRole(ctx, "root", "root")), second(root.AuthEnable(ctx)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	in := func(what string, got result) {
		t.Helper()
		if got.code != exitOK {
			t.Errorf("%s: got %+v", what, got)
		}
		wantNoSecret(t, what, got.stdout+got.stderr)
	}
	ls := []string{"admin", "ls", "--etcd-endpoints", db.Endpoint}
	in("flags", runSeqd(t, append(ls, "--etcd-username", "root\n", "--etcd-password", "hunter2pass\r\n")...))
	file := put(t, filepath.Join(t.TempDir(), "seqd.yaml"), "etcd:\n  username: root\n  password: |\n    hunter2pass\n")
	in("file", runSeqd(t, append(ls, "--config", file)...))
	put(t, file, "stores:\n  a:\n    etcd:\n      endpoints: ["+db.Endpoint+"]\n      username: root\n      password: |\n        hunter2pass\n")
	in("a store's", runSeqd(t, "admin", "ls", "--config", file))
	t.Setenv("SEQD_ETCD_USERNAME", "root\n")
	t.Setenv("SEQD_ETCD_PASSWORD", "hunter2pass\n")
	in("environment", runSeqd(t, ls...))
}

func second[T any](_ T, err error) error { return err }
