//go:build !lean

package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/integration/ports"
	"github.com/seqd-io/seqd/integration/servers"
)

// guardedEtcd is an etcd that asks who its clients are, set up by
// deploy/etcd/role.sh.
type guardedEtcd struct {
	*servers.Etcd
	etcdctl string // its folder
	root    *clientv3.Client
}

const rootPassword, seqdPassword = "root's", "the-worker's"

func startGuardedEtcd(t *testing.T) *guardedEtcd {
	t.Helper()
	db := &guardedEtcd{Etcd: servers.StartEtcdWith(t, func(c *embed.Config) { c.UnsafeNoFsync, c.BcryptCost = true, 4 })}
	db.etcdctl = t.TempDir()
	build := exec.Command("go", "build", "-C", "../../integration/etcdctl", "-o", filepath.Join(db.etcdctl, "etcdctl"), "go.etcd.io/etcd/etcdctl/v3")
	build.Env = append(os.Environ(), "GOWORK=off") // a module of its own
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, out)
	}
	db.role(t, "AUTH=enable", "ROOT_PASSWORD="+rootPassword, "SEQD_ETCD_PASSWORD="+seqdPassword)
	db.root = db.as(t, "root", rootPassword)
	return db
}

// role runs the script.
func (db *guardedEtcd) role(t *testing.T, env ...string) {
	t.Helper()
	script := exec.Command("../../deploy/etcd/role.sh")
	script.Env = append(os.Environ(), "PATH="+db.etcdctl+":"+os.Getenv("PATH"), "ETCDCTL_ENDPOINTS="+db.Endpoint)
	script.Env = append(script.Env, env...)
	if out, err := script.CombinedOutput(); err != nil {
		t.Fatalf("role.sh: %v\n%s", err, out)
	}
}

func (db *guardedEtcd) as(t *testing.T, user, password string) *clientv3.Client {
	t.Helper()
	client, err := dial.Open(t.Context(), dial.Config{Endpoints: []string{db.Endpoint}, Username: user, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// env is the environment of those who use etcd as seqd.
func (db *guardedEtcd) env(password string) map[string]string {
	return map[string]string{"SEQD_ETCD_ENDPOINTS": db.Endpoint, "SEQD_ETCD_USERNAME": "seqd", "SEQD_ETCD_PASSWORD": password}
}

func pairs(env map[string]string) (all []string) {
	for name, value := range env {
		all = append(all, name+"="+value)
	}
	return all
}

// The role of deploy/etcd/role.sh is all that a worker and seqd admin need, and
// opens nothing else.
func TestSmallestRole(t *testing.T) {
	nats, db := servers.StartNATS(t, nil), startGuardedEtcd(t)
	env := db.env(seqdPassword)
	w := start(t, pairs(env), "worker", "--nats-url", nats.URL, "--http-addr", "none")
	w.wait(t, w.stderr, "joined the queue group")
	wantIDs(t, nats.URL, "1\n", "demo", "strong", "--mode", "strong")
	wantIDs(t, nats.URL, "1\n2\n", "demo", "weak", "-n", "2")

	for name, value := range env {
		t.Setenv(name, value)
	}
	for _, args := range [][]string{
		{"ls"}, {"peek", "demo", "strong"}, {"raise", "demo", "strong", "--to", "100"}, {"jump", "--all", "--by", "1000", "--yes"},
	} {
		if got := runSeqd(t, append([]string{"admin"}, args...)...); got.code != exitOK {
			t.Errorf("admin %v: %+v", args, got)
		}
	}
	w.wait(t, w.stderr, "epoch was raised")
	wantIDs(t, nats.URL, "1101\n", "demo", "strong", "--mode", "strong")

	client := db.as(t, "seqd", seqdPassword)
	for what, try := range map[string]func(context.Context) error{
		"read elsewhere":        func(ctx context.Context) error { _, err := client.Get(ctx, "/other"); return err },
		"read a longer prefix":  func(ctx context.Context) error { _, err := client.Get(ctx, "/seqdX/v1"); return err },
		"read everything":       func(ctx context.Context) error { _, err := client.Get(ctx, "", clientv3.WithPrefix()); return err },
		"write elsewhere":       func(ctx context.Context) error { _, err := client.Put(ctx, "/other", ""); return err },
		"write the bare prefix": func(ctx context.Context) error { _, err := client.Put(ctx, "/seqd", ""); return err },
		"delete elsewhere":      func(ctx context.Context) error { _, err := client.Delete(ctx, "/other"); return err },
		"write elsewhere in a transaction": func(ctx context.Context) error {
			_, err := client.Txn(ctx).Then(clientv3.OpPut("/seqd/x", ""), clientv3.OpPut("/other", "")).Commit()
			return err
		},
		"turn authentication off": func(ctx context.Context) error { _, err := client.AuthDisable(ctx); return err },
		"add a user":              func(ctx context.Context) error { _, err := client.UserAdd(ctx, "x", "x"); return err },
		"grant itself more": func(ctx context.Context) error {
			_, err := client.RoleGrantPermission(ctx, "seqd", "", "\x00", clientv3.PermissionType(clientv3.PermReadWrite))
			return err
		},
	} {
		if err := try(t.Context()); !errors.Is(err, rpctypes.ErrPermissionDenied) {
			t.Errorf("%s: got %v, want permission denied", what, err)
		}
	}

	// etcd has no right to write without deleting. A counter that was deleted is
	// noticed by the worker that knows it; nothing is issued twice.
	if _, err := client.Delete(t.Context(), "/seqd/v1/counters/demo/strong"); err != nil {
		t.Errorf("delete a counter: %v: etcd can forbid it now: say so in role.sh", err)
	}
	if got := runSeqd(t, "next", "demo", "strong", "--mode", "strong", "--nats-url", nats.URL); !strings.Contains(strings.ToUpper(got.stderr), "FENCED") {
		t.Errorf("a counter was deleted: got %+v, want FENCED", got)
	}
}

// A worker that etcd refuses lives, is not ready, says why and what to try, and
// comes back when it is let in.
func TestRefusedByEtcd(t *testing.T) {
	t.Parallel()
	nats, db := servers.StartNATS(t, nil), startGuardedEtcd(t)
	addr := ports.Free(t)
	w := start(t, pairs(db.env("wrong")), "worker", "--nats-url", nats.URL, "--http-addr", addr)

	ctx := t.Context()
	do := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	// said waits for a refusal with what to try, and then for the way back.
	seen := 0
	said := func(want string, mend func()) {
		t.Helper()
		wait(t, w, &seen, `(not serving yet|left the queue group)[^\n]*`+want)
		if got := ask(t, addr, "/livez"); got != "200 ok\n" {
			t.Errorf("livez: %s", got)
		}
		if got := ask(t, addr, "/readyz"); got != "503 unavailable\n" {
			t.Errorf("readyz: %s", got)
		}
		mend()
		wait(t, w, &seen, `joined the queue group`)
		if got := runSeqd(t, "next", "demo", "key", "--mode", "strong", "--nats-url", nats.URL); got.code != exitOK {
			t.Errorf("after %s: %+v", want, got)
		}
	}
	said(`log in to etcd as .*authentication failed.*look at --etcd-username and SEQD_ETCD_PASSWORD`, func() {
		do(db.root.UserChangePassword(ctx, "seqd", "wrong"))
	})
	do(db.root.UserRevokeRole(ctx, "seqd", "seqd"))
	said(`permission denied.*grant the user, or`, func() { do(db.root.UserGrantRole(ctx, "seqd", "seqd")) })
	do(db.root.UserDelete(ctx, "seqd"))
	said(`etcdctl user list`, func() {
		db.role(t, "ETCDCTL_USER=root", "ETCDCTL_PASSWORD="+rootPassword, "SEQD_ETCD_PASSWORD=wrong")
	})
	db.role(t, "ETCDCTL_USER=root", "ETCDCTL_PASSWORD="+rootPassword, "SEQD_ETCD_PASSWORD=another") // run again, it changes the password
	said(`authentication failed`, func() { do(db.root.UserChangePassword(ctx, "seqd", "wrong")) })
	do(db.root.AuthDisable(ctx))
	if got := runSeqd(t, "next", "demo", "key", "--mode", "strong", "--nats-url", nats.URL); got.code != exitOK {
		t.Errorf("with etcd's authentication off: %+v", got)
	}
}

// wait waits until p has logged want after what was seen, and sees it.
func wait(t *testing.T, p *process, seen *int, want string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		text := p.stderr.String()
		for _, line := range strings.SplitAfter(text[*seen:], "\n") {
			if regexp.MustCompile(want).MatchString(line) {
				*seen += strings.Index(text[*seen:], line) + len(line)
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("it did not log %q after byte %d of\n%s", want, *seen, text)
		}
	}
}

// ask gets a path of the worker's HTTP.
func ask(t *testing.T, addr, path string) string {
	t.Helper()
	client := http.Client{Timeout: patience}
	resp, err := client.Get("http://" + addr + path)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return resp.Status[:4] + string(body)
}
