//go:build !lean

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/integration/servers"
)

// elsewhere are the sections of deploy/MIGRATING.md: each begins in a folder of its
// own, with the system that people come from. It returns what that has issued of the
// key that the section asks seqd for, the last of it.
var elsewhere = map[string]struct {
	needs string // a program; without it the section is skipped
	setUp func(t *testing.T, bin string) (last int64)
}{
	"Layotto":    {"bash", layottoWas},
	"Leaf":       {"mariadbd", leafWas},
	"PostgreSQL": {"psql", postgresWas},
	"MySQL":      {"mariadbd", mysqlWas},
	"Redis":      {"redis-server", redisWas},
}

// The commands of the page are run as they stand there, print what it shows, and
// no id comes that was issued before.
func TestMigratingPage(t *testing.T) {
	if testing.Short() {
		t.Skip("starts databases")
	}
	page, err := os.ReadFile("../../deploy/MIGRATING.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, section := range strings.Split(string(page), "\n## ")[1:] {
		name, text, _ := strings.Cut(section, "\n")
		from, ok := elsewhere[name]
		if !ok {
			continue
		}
		found++
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(from.needs); err != nil {
				t.Skipf("%s is not installed", from.needs)
			}
			bin := t.TempDir()
			program(t, bin, "seqd", "export "+asProgram+"=1\nexec "+os.Args[0]+` "$@"`)
			t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
			nats, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
			t.Setenv("NATS_URL", nats.URL)
			t.Setenv("SEQD_ETCD_ENDPOINTS", db.Endpoint)
			t.Setenv("ETCDCTL_ENDPOINTS", db.Endpoint)
			t.Setenv("SEQD_HTTP_ADDR", "none")
			config := filepath.Join(bin, "seqd.yaml")
			if err := os.WriteFile(config, []byte("stores:\n  \"*\": {}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("SEQD_CONFIG", config)
			last := from.setUp(t, bin)
			start(t, nil, "worker")
			dir := t.TempDir()
			printed := ""
			for _, block := range regexp.MustCompile("(?ms)^```console\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
				for _, step := range strings.Split("\n"+block[1], "\n$ ")[1:] {
					command, want := commandOf(step)
					cmd := exec.CommandContext(t.Context(), "bash", "-o", "pipefail", "-c", command)
					cmd.Dir = dir
					out, _ := cmd.CombinedOutput() // what a failure says is held against the page
					if printed = string(out); squeeze(printed) != squeeze(want) {
						t.Fatalf("%s\nprints\n%s\nbut the page shows\n%s", command, printed, want)
					}
				}
			}
			id, err := strconv.ParseInt(strings.TrimSpace(printed), 10, 64)
			if err != nil || id <= last {
				t.Errorf("got %q, after %d was issued elsewhere: %v", printed, last, err)
			}
		})
	}
	if found != len(elsewhere) {
		t.Errorf("the page has %d of the %d sections", found, len(elsewhere))
	}
}

// commandOf parts a command, whose further lines are indented, from what it prints.
func commandOf(step string) (command, output string) {
	lines := strings.SplitAfter(strings.TrimSuffix(step, "\n")+"\n", "\n")
	n := 1
	for n < len(lines) && strings.HasPrefix(lines[n], "  ") {
		n++
	}
	return strings.Join(lines[:n], ""), strings.Join(lines[n:], "")
}

func program(t *testing.T, bin, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// shell runs what sets a system up, to its end.
func shell(t *testing.T, script string, args ...any) string {
	t.Helper()
	out, err := exec.Command("bash", "-euo", "pipefail", "-c", fmt.Sprintf(script, args...)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// layottoWas has an etcd written as Layotto's sequencer writes it.
func layottoWas(t *testing.T, bin string) (last int64) {
	shell(t, "cd ../../integration/etcdctl && GOWORK=off go build -o %s/etcdctl go.etcd.io/etcd/etcdctl/v3", bin)
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{os.Getenv("ETCDCTL_ENDPOINTS")}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	next := func(key string) int64 {
		resp, err := client.Txn(t.Context()).If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
			Then(clientv3.OpPut(key, ""), clientv3.OpGet(key)).
			Else(clientv3.OpPut(key, ""), clientv3.OpGet(key)).Commit()
		if err != nil {
			t.Fatal(err)
		}
		if now := resp.Header.Revision; now%10 == 0 { // versions are none of what a compaction takes
			if _, err := client.Compact(t.Context(), now); err != nil {
				t.Fatal(err)
			}
		}
		return resp.Responses[1].GetResponseRange().Kvs[0].Version
	}
	for range 7 {
		next("/layotto/sequencer|||app1||user")
	}
	for want := range int64(42) {
		if last = next("/layotto/sequencer|||app1||order_table"); last != want+1 {
			t.Fatalf("got %d, want %d", last, want+1)
		}
	}
	return last
}

// mysql has a server of MySQL's kind, and runs statements there.
func mysql(t *testing.T, bin, statements string) {
	t.Helper()
	dir := shell(t, `dir=$(mktemp -d); chmod 755 "$dir"; mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$dir/data" --auth-root-authentication-method=normal --skip-test-db >"$dir/log" 2>&1 || cat "$dir/log"; echo "$dir"`)
	t.Cleanup(func() { os.RemoveAll(dir) })
	client, err := exec.LookPath("mariadb")
	if err != nil {
		t.Fatal(err)
	}
	program(t, bin, "mysql", "exec "+client+" --no-defaults --socket="+dir+`/s "$@"`)
	server := exec.Command("mariadbd", "--no-defaults", "--user=root", "--datadir="+dir+"/data", "--socket="+dir+"/s", "--pid-file="+dir+"/pid", "--skip-networking")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	shell(t, `mariadb-admin --no-defaults --socket=%s/s --wait=30 ping >/dev/null; mysql -e %q`, dir, statements)
}

func leafWas(t *testing.T, bin string) (last int64) {
	mysql(t, bin, "CREATE DATABASE leaf; CREATE TABLE leaf.leaf_alloc (biz_tag VARCHAR(128) PRIMARY KEY, max_id BIGINT NOT NULL, step INT NOT NULL);"+
		"INSERT INTO leaf.leaf_alloc VALUES ('leaf-segment-pay', 1, 2000); UPDATE leaf.leaf_alloc SET max_id = max_id + step")
	return 2000 // the last of the segment from 1 to 2000, as it is handed out
}

func mysqlWas(t *testing.T, bin string) (last int64) {
	mysql(t, bin, "CREATE DATABASE shop; CREATE TABLE shop.bills (id BIGINT AUTO_INCREMENT PRIMARY KEY, x INT); INSERT INTO shop.bills (x) VALUES (1), (2), (3)")
	return 3
}

func postgresWas(t *testing.T, _ string) (last int64) {
	dir := shell(t, `export PATH="$(ls -d /usr/lib/postgresql/*/bin | tail -1):$PATH"
dir=$(mktemp -d); chmod 755 "$dir"; as=
if [ "$(id -u)" = 0 ]; then chown postgres "$dir"; as="runuser -u postgres --"; fi
cd "$dir"
$as initdb -D "$dir/data" -U postgres -A trust -N >"$dir/../$(basename "$dir").log" 2>&1
$as pg_ctl -D "$dir/data" -o "-k $dir -c listen_addresses=''" -l "$dir/log" -w start >/dev/null
echo "$dir"`)
	t.Cleanup(func() {
		shell(t, `kill -INT "$(head -1 %[1]s/data/postmaster.pid)"; while [ -e %[1]s/data/postmaster.pid ]; do sleep 0.1; done; rm -rf %[1]s %[1]s.log`, dir)
	})
	t.Setenv("PGHOST", dir)
	t.Setenv("PGUSER", "postgres")
	shell(t, `createdb shop; psql -q shop -c "CREATE SEQUENCE order_id_seq CACHE 5; CREATE SEQUENCE never_asked" -c "SELECT nextval('order_id_seq')" >/dev/null`)
	return 5 // four of them are held by a session
}

func redisWas(t *testing.T, bin string) (last int64) {
	dir := t.TempDir()
	socket := dir + "/s"
	server := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	redis, err := exec.LookPath("redis-cli")
	if err != nil {
		t.Fatal(err)
	}
	program(t, bin, "redis-cli", "exec "+redis+" -s "+socket+` "$@"`)
	shell(t, `until redis-cli ping >/dev/null 2>&1; do sleep 0.05; done; for i in 1 2 3; do redis-cli incr seq:invoice; done`)
	return 3
}
