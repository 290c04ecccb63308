//go:build !lean

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/seqd-io/seqd/cmd/seqd/doctor"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/integration/servers"
)

// startWorkerIn starts a worker as on a machine whose own state folder is that.
func startWorkerIn(t *testing.T, nats *servers.NATS, machine string, args ...string) *process {
	t.Helper()
	env := []string{"NATS_URL=" + nats.URL, "XDG_STATE_HOME=" + machine, "SEQD_STATE_DIR="}
	return start(t, env, append([]string{"worker", "--http-addr", "none"}, args...)...)
}

const (
	serves = "joined the queue group"
	fenced = "counter history went backwards"
)

func end(t *testing.T, p *process) {
	t.Helper()
	if code, _ := p.signal(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("exit %d; stderr:\n%s", code, p.stderr)
	}
}

// Two workers, one with --etcd-prefix /seqd and one with /seqd/, issued 1 1 2 2 3
// 4 5 3 6 7 4 8.
func TestOnePrefixInTwoSpellings(t *testing.T) {
	t.Parallel()
	nats, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	for i, prefix := range []string{"/seqd", "/seqd/"} {
		endpoint := []string{db.Endpoint, "http://" + db.Endpoint + "/"}[i]
		p := startWorkerIn(t, nats, t.TempDir(), "--etcd-endpoints", endpoint, "--etcd-prefix", prefix)
		p.wait(t, p.stderr, serves)
	}
	last := 0
	for range 12 {
		got := runSeqd(t, "next", "--nats-url", nats.URL, "--timeout", patience.String(), "orders", "invoice", "--mode", "strong")
		id, err := strconv.Atoi(strings.TrimSpace(got.stdout))
		if err != nil || id <= last { // a gap is legal: who had no answer in time has asked again
			t.Fatalf("%+v after %d", got, last)
		}
		last = id
	}
	for _, prefix := range []string{"/seqd", "/seqd/"} {
		got := runSeqd(t, "admin", "peek", "orders", "invoice", "--etcd-endpoints", db.Endpoint, "--etcd-prefix", prefix)
		if got.code != exitOK || !strings.Contains(got.stdout, fmt.Sprint(last)) {
			t.Errorf("admin with %s: %+v", prefix, got)
		}
	}
	report, _ := examine(t, "--nats-url", nats.URL, "--etcd-endpoints", db.Endpoint, "--etcd-prefix", "/seqd/")
	want(t, report, "etcd.counters", doctor.OK, "all are understood: 1")
	want(t, report, "workers.counters", doctor.OK, "one place")
}

// An upgraded deployment that always ran with /seqd/ must not begin at 1 again.
func TestPrefixThatUsedToBeAnotherPlace(t *testing.T) {
	t.Parallel()
	nats, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	client := db.Connect(t)
	if _, err := client.Put(t.Context(), "/seqd//v1/counters/orders/invoice", `{"fmt":1,"last":12,"by":"w"}`); err != nil {
		t.Fatal(err)
	}
	p := startWorkerIn(t, nats, t.TempDir(), "--etcd-endpoints", db.Endpoint, "--etcd-prefix", "/seqd/")
	p.wait(t, p.stderr, regexp.QuoteMeta("counters stand below /seqd//v1/counters/ too")+".*seqd admin jump --all --by N")
	report, _ := examine(t, "--nats-url", nats.URL, "--etcd-endpoints", db.Endpoint)
	want(t, report, "etcd.incarnation", doctor.Fail, "counters stand below /seqd//v1/counters/ too")

	jump := []string{"admin", "jump", "--all", "--by", "100", "--etcd-endpoints", db.Endpoint}
	for _, more := range [][]string{nil, {"--yes"}} {
		got := runSeqd(t, append(jump, more...)...)
		for _, want := range []string{"the counters below /seqd//v1 are taken over by /seqd", "orders  invoice  12   112", "floor of new keys 0 -> 100"} {
			if !strings.Contains(got.stdout, want) {
				t.Errorf("%v: %+v, want %q", more, got, want)
			}
		}
	}
	p.wait(t, p.stderr, serves)
	wantIDs(t, nats.URL, "113\n", "orders", "invoice", "--mode", "strong")
}

// Ids to 5, a backup, ids to 25, the backup restored: a worker with the same
// --state-dir that wrote http:// before the address served, and the next id was 6.
func TestRestoreUnderAnotherSpelling(t *testing.T) {
	t.Parallel()
	nats, db, dir := servers.StartNATS(t, nil), servers.StartEtcd(t), t.TempDir()
	p := startWorkerIn(t, nats, t.TempDir(), "--etcd-endpoints", db.Endpoint, "--state-dir", dir)
	p.wait(t, p.stderr, serves)
	wantIDs(t, nats.URL, "1\n2\n3\n4\n5\n", "orders", "invoice", "--mode", "strong", "-n", "5")
	backup := db.Backup(t)
	for range 20 {
		runSeqd(t, "next", "orders", "invoice", "--mode", "strong", "--nats-url", nats.URL)
	}
	end(t, p)
	db.Restore(t, backup, 0)
	p = startWorkerIn(t, nats, t.TempDir(), "--etcd-endpoints", "http://"+db.Endpoint, "--state-dir", dir)
	p.wait(t, p.stderr, fenced)
	if got := runSeqd(t, "next", "orders", "invoice", "--mode", "strong", "--nats-url", nats.URL); got.code == exitOK {
		t.Errorf("an id was issued: %+v", got)
	}
}

// With nothing set and etcd on loopback, ids 1 2 3, etcd's data deleted and etcd
// started: fenced. The worker restarted served, and issued 1 2 3 again; so did one
// beside it; and doctor said that all was well.
func TestFenceHoldsOverARestart(t *testing.T) {
	t.Parallel()
	nats, db, machine := servers.StartNATS(t, nil), servers.StartEtcd(t), t.TempDir()
	at := []string{"--etcd-endpoints", db.Endpoint}
	p := startWorkerIn(t, nats, machine, at...)
	p.wait(t, p.stderr, serves)
	wantIDs(t, nats.URL, "1\n2\n3\n", "orders", "invoice", "--mode", "strong", "-n", "3")
	db.Replace(t)
	p.wait(t, p.stderr, fenced)
	state := filepath.Join(machine, "seqd")
	for name, more := range map[string][]string{
		"beside it":             nil,
		"without a memory":      {"--state-dir", "none"},
		"with another folder":   {"--state-dir", t.TempDir()},
		"with another spelling": {"--etcd-endpoints", "http://" + strings.Replace(db.Endpoint, "127.0.0.1", "localhost", 1), "--etcd-prefix", "/seqd/"},
	} {
		other := startWorkerIn(t, nats, machine, slices.Concat(at, more)...)
		other.wait(t, other.stderr, fenced)
		t.Log(name)
		end(t, other)
	}
	end(t, p)
	p = startWorkerIn(t, nats, machine, at...)
	p.wait(t, p.stderr, fenced+`.*seqd admin jump --all --by N; or, only if the ids issued so far truly don't matter, stop the workers, delete `+state+`/[0-9a-f-]{36}\.json, etcdctl del /seqd/v1/incarnation, and start them`)

	doctors := start(t, []string{"XDG_STATE_HOME=" + machine, "SEQD_STATE_DIR="}, append([]string{"doctor", "--nats-url", nats.URL}, at...)...)
	<-doctors.ended
	if got := doctors.stdout.String(); doctors.ProcessState.ExitCode() != exitFailed || !regexp.MustCompile(`(?m)^fail +etcd.incarnation .*\n.*-> .*seqd admin jump --all --by N`).MatchString(got) {
		t.Errorf("doctor: exit %d\n%s", doctors.ProcessState.ExitCode(), got)
	} else if strings.Contains(got, "this configuration names") { // it told whoever had a wiped etcd to look at the prefix
		t.Errorf("doctor takes a fenced worker for one of another place:\n%s", got)
	}

	jumped := runSeqd(t, append([]string{"admin", "jump", "--all", "--by", "100", "--yes"}, at...)...)
	if jumped.code != exitOK {
		t.Errorf("%+v", jumped)
	}
	p.wait(t, p.stderr, serves)
	wantIDs(t, nats.URL, "101\n", "orders", "invoice", "--mode", "strong")
	end(t, p)
	p = startWorkerIn(t, nats, machine, append(at, "--state-dir", "none")...)
	p.wait(t, p.stderr, serves)
	end(t, p)
	if entries, err := os.ReadDir(state); err != nil || len(entries) == 0 {
		t.Errorf("the machine's folder: %v, %v", entries, err)
	}
}

// The same where the worker was stopped while etcd was wiped; and the one line
// that it says is true: who deletes that file starts afresh.
func TestWipedToyEtcd(t *testing.T) {
	t.Parallel()
	nats, db, machine := servers.StartNATS(t, nil), servers.StartEtcd(t), t.TempDir()
	at := []string{"--etcd-endpoints", db.Endpoint}
	p := startWorkerIn(t, nats, machine, at...)
	p.wait(t, p.stderr, serves)
	wantIDs(t, nats.URL, "1\n", "orders", "invoice", "--mode", "strong")
	end(t, p)
	db.Replace(t)
	p = startWorkerIn(t, nats, machine, at...)
	file := p.wait(t, p.stderr, `stop the workers, delete (\S+\.json), and start them`)[1]
	end(t, p)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	p = startWorkerIn(t, nats, machine, at...)
	p.wait(t, p.stderr, serves)
	wantIDs(t, nats.URL, "1\n", "orders", "invoice", "--mode", "strong")
}

// seqd dev stays as easy as it was: what it remembers is in its data folder alone,
// and whoever deletes that starts afresh, on the same ports too.
func TestDevStartsAfresh(t *testing.T) {
	t.Parallel()
	machine, dir := t.TempDir(), filepath.Join(t.TempDir(), "data")
	port := "0"
	for range 2 {
		p := start(t, []string{"XDG_STATE_HOME=" + machine, "SEQD_STATE_DIR="}, "dev", "--data-dir", dir, "--nats-port", "0", "--etcd-port", port, "--http-port", "0")
		m := p.wait(t, p.stdout, `(?m)^ready nats=(\S+) etcd=http://127\.0\.0\.1:(\d+)`)
		port = m[2]
		wantIDs(t, m[1], "1\n", "demo", "key", "--mode", "strong")
		end(t, p)
		if files, err := filepath.Glob(filepath.Join(dir, "state", "*.json")); err != nil || len(files) != 1 {
			t.Errorf("its own memory: %v, %v", files, err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if entries, err := os.ReadDir(machine); err != nil || len(entries) > 0 {
		t.Errorf("the machine's folder: %v, %v", entries, err)
	}
}

// Three workers that start at once on a new etcd said ERROR, and waited a second.
func TestThreeWorkersAtOnce(t *testing.T) {
	t.Parallel()
	nats, db, machine := servers.StartNATS(t, nil), servers.StartEtcd(t), t.TempDir()
	var all []*process
	for range 3 {
		all = append(all, startWorkerIn(t, nats, machine, "--etcd-endpoints", db.Endpoint))
	}
	for _, p := range all {
		p.wait(t, p.stderr, serves)
		if log := p.stderr.String(); strings.Contains(log, "another worker has just written") || strings.Contains(log, "level=ERROR") {
			t.Errorf("it said:\n%s", log)
		}
	}
}

// What names a place wrongly is refused, by the place of the mistake.
func TestSettingsThatNameAPlace(t *testing.T) {
	for _, test := range []struct{ file, want string }{
		{"etcd:\n  prefix: \"\"\n", ":2: etcd.prefix: must not be empty: leave it out for /seqd"},
		{"etcd:\n  prefix: seqd\n", ":2: etcd.prefix: must begin with a slash, like /seqd;"},
		{"etcd:\n  prefix: /\n", ":2: etcd.prefix: must have a name"},
		{"etcd:\n  prefix: /a//b\n", ":2: etcd.prefix: must have no two slashes"},
		{"etcd:\n  prefix: \"/a b\"\n", ":2: etcd.prefix: must hold no blank"},
		{"etcd:\n  endpoints: [a]\n", ":2: etcd.endpoints: endpoint 1 of 1 has no port"},
		{"stores:\n  a:\n    etcd:\n      endpoints: [a:1]\n      prefix: \"\"\n", ":5: stores.a.etcd.prefix: must not be empty"},
		{"stores:\n  a:\n    etcd:\n      endpoints: [a:1]\n      prefix: a\n", ":5: stores.a.etcd.prefix: must begin with a slash"},
		{"stores:\n  a:\n    etcd:\n      endpoints: [\"a:1,b:1\"]\n", ":4: stores.a.etcd.endpoints: endpoint 1 of 1 is not like"},
	} {
		file := filepath.Join(t.TempDir(), "seqd.yaml")
		if err := os.WriteFile(file, []byte(test.file), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, command := range [][]string{{"check-config", file}, {"worker", "--config", file}, {"admin", "ls", "--config", file}, {"doctor", "--config", file}} {
			if got := runSeqd(t, command...); got.code != exitFailed || !strings.Contains(got.stderr, file+test.want) {
				t.Errorf("%v: %+v, want %q", command, got, test.want)
			}
		}
	}
	for _, prefix := range []string{"seqd", "/", "/a//b", ""} {
		got := runSeqd(t, "check-config", "--etcd-prefix", prefix)
		if got.code != exitUsage || !strings.Contains(got.stderr, "--etcd-prefix must") {
			t.Errorf("%q: %+v", prefix, got)
		}
	}
	t.Setenv("SEQD_ETCD_PREFIX", "seqd")
	if got := runSeqd(t, "check-config"); got.code != exitUsage || !strings.Contains(got.stderr, "SEQD_ETCD_PREFIX: must begin with a slash") {
		t.Errorf("%+v", got)
	}
}

// One place in several spellings is one: two stores share what leads there, and a
// jump goes there once.
func TestOnePlaceInOneFile(t *testing.T) {
	db := servers.StartEtcd(t)
	if _, err := db.Connect(t).Put(t.Context(), "/seqd/v1/counters/a/key", `{"fmt":1,"last":12,"by":"w"}`); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "seqd.yaml")
	_, port, _ := strings.Cut(db.Endpoint, ":")
	text := fmt.Sprintf(`
etcd: {endpoints: [%[1]s]}
stores:
  a: {}
  b: {etcd: {endpoints: ["http://%[1]s/", " %[1]s"], prefix: /seqd/}}
  c: {etcd: {endpoints: ["LOCALHOST:%[2]s"], prefix: /seqd}}
`, db.Endpoint, port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := runSeqd(t, "check-config", file)
	for _, want := range []string{"seq.a.>: default mode weak, counters at " + db.Endpoint + " below /seqd\n", "seq.b.>: default mode weak, counters at " + db.Endpoint + " below /seqd\n"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("%+v, want %s", got, want)
		}
	}
	cfg := settings.Default()
	src, err := cfg.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if all, err := cfg.Clusters(src); err != nil || len(all) != 2 { // c may be another machine, to a resolver
		t.Errorf("%+v, %v", all, err)
	}
	got = runSeqd(t, "admin", "jump", "--all", "--by", "100", "--yes", "--config", file)
	if strings.Count(got.stdout, "incarnation of") != 1 || !strings.Contains(got.stdout, "a      key  12   112") {
		t.Errorf("%+v", got)
	}
}
