//go:build !lean

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/cmd/seqd/doctor"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/ports"
	"github.com/seqd-io/seqd/integration/servers"
)

// examine runs seqd doctor.
func examine(t *testing.T, args ...string) (doctor.Report, result) {
	t.Helper()
	got := runDoctor(t, append([]string{"--json"}, args...)...)
	var report doctor.Report
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil {
		t.Fatalf("%v in %+v", err, got)
	}
	for _, f := range report.Findings {
		if (f.Status == doctor.Fail || f.Status == doctor.Warn) && f.Try == "" {
			t.Errorf("nothing to do about %+v", f)
		}
	}
	if want := map[bool]int{true: exitOK, false: exitFailed}[report.Failed == 0]; got.code != want || report.OK != (want == exitOK) {
		t.Errorf("exit %d with %d failed", got.code, report.Failed)
	}
	t.Logf("\n%s", lines(report))
	return report, got
}

// runDoctor runs it anew where a server was silent while this machine stood still:
// it gives each two seconds.
func runDoctor(t *testing.T, args ...string) (got result) {
	t.Helper()
	stalls := pace.WatchStalls(t)
	for range 5 {
		begin := time.Now()
		got = runSeqd(t, append([]string{"doctor"}, args...)...)
		if !strings.Contains(got.stdout, "does not answer") || stalls.Since(begin) < 100*time.Millisecond {
			break
		}
	}
	return got
}

// examineUntil runs it until a check finds that.
func examineUntil(t *testing.T, check string, status doctor.Status) doctor.Report {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		report, _ := examine(t)
		if time.Now().After(deadline) || slices.ContainsFunc(report.Findings, func(f doctor.Finding) bool { return f.Check == check && f.Status == status }) {
			return report
		}
	}
}

func lines(r doctor.Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		_ = f.WriteLine(&b) // a Builder takes all
	}
	return b.String()
}

// want checks that a check found that, at least once.
func want(t *testing.T, r doctor.Report, check string, status doctor.Status, text string) {
	t.Helper()
	for _, f := range r.Findings {
		if f.Check == check && f.Status == status && strings.Contains(f.Where+": "+f.Text+" -> "+f.Try, text) {
			return
		}
	}
	t.Errorf("no %s %s with %q", status, check, text)
}

// wantOnly checks that nothing but these checks, besides what is always said of
// a test's single servers, is not ok.
func wantOnly(t *testing.T, r doctor.Report, checks ...string) {
	t.Helper()
	allowed := strings.Join(append(checks, "nats.pings", "etcd.cluster", "etcd.role"), " ")
	for _, f := range r.Findings {
		if f.Status != doctor.OK && !slowRead(f) && !strings.Contains(" "+allowed+" ", " "+f.Check+" ") {
			t.Errorf("unexpected %+v", f)
		}
	}
}

// slowRead tells what doctor says of every etcd on a busy machine.
func slowRead(f doctor.Finding) bool {
	return f.Check == "etcd.member" && f.Status == doctor.Warn && strings.HasPrefix(f.Try, "a read should take less than")
}

// system is a NATS and an etcd that seqd's commands are told of. Such tests are
// many and not short.
func system(t *testing.T) (*servers.NATS, *servers.Etcd) {
	t.Helper()
	skipIfShort(t)
	nats, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	t.Setenv("NATS_URL", nats.URL)
	t.Setenv("SEQD_ETCD_ENDPOINTS", db.Endpoint)
	t.Setenv("SEQD_HTTP_ADDR", "none")
	return nats, db
}

// startWorkers starts workers with the environment of the test.
func startWorkers(t *testing.T, n int, args ...string) {
	t.Helper()
	for range n {
		p := start(t, nil, append([]string{"worker"}, args...)...)
		p.wait(t, p.stderr, "joined the queue group")
	}
}

// enableAuth makes etcd ask for users: root, and seqd with a role for its prefix.
func enableAuth(t *testing.T, client *clientv3.Client) {
	t.Helper()
	ctx := t.Context()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(client.UserAdd(ctx, "root", "root"))
	must(client.UserGrantRole(ctx, "root", "root"))
	must(client.RoleAdd(ctx, "ids"))
	must(client.RoleGrantPermission(ctx, "ids", "/seqd/", clientv3.GetPrefixRangeEnd("/seqd/"), clientv3.PermissionType(clientv3.PermReadWrite)))
	must(client.UserAdd(ctx, "seqd", "secret-of-seqd"))
	must(client.UserGrantRole(ctx, "seqd", "ids"))
	must(client.AuthEnable(ctx))
	t.Setenv("SEQD_ETCD_DIAL_TIMEOUT", "5s") // to check a password takes long where the machine is busy
	t.Setenv("SEQD_ETCD_USERNAME", "seqd")
	t.Setenv("SEQD_ETCD_PASSWORD", "secret-of-seqd")
}

// A system as it should be: there is nothing to say against it.
func TestDoctorOnAGoodSystem(t *testing.T) {
	skipIfShort(t)
	port := ports.Number(t, ports.Free(t))
	nats := servers.StartNATS(t, func(o *server.Options) { o.HTTPHost, o.HTTPPort = "127.0.0.1", port })
	members := servers.StartEtcdCluster(t, 3)
	var endpoints []string
	for _, m := range members {
		endpoints = append(endpoints, m.Endpoint)
	}
	t.Setenv("NATS_URL", nats.URL)
	t.Setenv("SEQD_ETCD_ENDPOINTS", strings.Join(endpoints, ","))
	t.Setenv("SEQD_HTTP_ADDR", "none")
	t.Setenv("NATS_MONITOR", fmt.Sprintf("http://127.0.0.1:%d", port))
	t.Setenv("SEQD_STATE_DIR", t.TempDir())
	enableAuth(t, members[0].Connect(t))
	startWorkers(t, 2)
	wantIDs(t, nats.URL, "1\n", "demo", "key", "--mode", "strong")

	report, got := examine(t)
	for _, f := range report.Findings {
		if f.Status != doctor.OK && !slowRead(f) {
			t.Errorf("unexpected %+v", f)
		}
	}
	for _, check := range []string{
		"nats.connect", "nats.version", "nats.pings", "nats.accounts", "nats.limits", "nats.permissions", "nats.peers",
		"etcd.member", "etcd.version", "etcd.cluster", "etcd.quota", "etcd.alarms", "etcd.compaction", "etcd.batch", "etcd.role", "etcd.write", "etcd.incarnation", "etcd.counters",
		"workers.replicas", "workers.version", "workers.state", "workers.queue", "workers.root", "workers.rules", "workers.counters",
	} {
		want(t, report, check, doctor.OK, "")
	}
	want(t, report, "etcd.incarnation", doctor.OK, "agrees with")
	want(t, report, "etcd.counters", doctor.OK, "all are understood: 1")
	if strings.Contains(got.stdout, "secret-of-seqd") {
		t.Error("a secret was printed")
	}

	// The same for people.
	if got := runDoctor(t); got.code != exitOK || !strings.Contains(got.stdout, "\nok    workers.counters ") || got.stderr != "" {
		t.Errorf("got %+v", got)
	}

	// One member of three fails: it is named, and the rest is looked at.
	down, _ := members.Leader()
	members[(down+1)%3].Stop()
	report = examineUntil(t, "etcd.write", doctor.OK) // there may be an election
	want(t, report, "etcd.member", doctor.Fail, members[(down+1)%3].Endpoint)
	want(t, report, "etcd.write", doctor.OK, "")
	want(t, report, "etcd.counters", doctor.OK, "")

	// And a second one: no majority.
	members[(down+2)%3].Stop()
	report, _ = examine(t)
	want(t, report, "etcd.member", doctor.Fail, members[(down+2)%3].Endpoint)
	want(t, report, "etcd.member", doctor.Fail, members[down].Endpoint)
}

func TestDoctorUsage(t *testing.T) {
	for want, args := range map[string][]string{
		"--timeout must be more than 0": {"--timeout", "0s"},
		`unexpected word "word"`:        {"word"},
		"try: seqd doctor -h":           {"--bogus"},
	} {
		if got := runSeqd(t, append([]string{"doctor"}, args...)...); got.code != exitUsage || !strings.Contains(got.stderr, want) || got.stdout != "" {
			t.Errorf("%q: got %+v, want %q", args, got, want)
		}
	}
}

// It may be run on a system in use, as often as anybody likes: no request is
// taken away from the workers, no id is taken, and nothing is written.
func TestDoctorChangesNothing(t *testing.T) {
	nats, db := system(t)
	admin := adminOn(t, db)
	for i := range 3 {
		admin("raise", "demo", fmt.Sprint("key", i), "--to", "5")
	}
	client := db.Connect(t)
	revision := func() int64 {
		resp, err := client.Get(t.Context(), "/", clientv3.WithPrefix())
		if err != nil {
			t.Fatal(err)
		}
		return resp.Header.Revision
	}
	before := revision()
	examine(t)
	if after := revision(); after != before {
		t.Errorf("etcd's revision was %d and is %d", before, after)
	}

	startWorkers(t, 1)
	nc := nats.Connect(t)
	done := make(chan bool)
	asked := 0
	go func() { // strong ids are dense: one that was taken, or a request that was, shows
		for ; ; asked++ {
			select {
			case done <- true:
				return
			default:
			}
			m, err := nc.Request("seq.demo.dense", []byte(`{"mode":"strong"}`), patience)
			if want := fmt.Sprintf(`{"id":"%d","n":1}`, asked+1); err != nil || string(m.Data) != want {
				t.Errorf("got %v, %v, want %s", m, err, want)
				<-done
				return
			}
		}
	}()
	for range 20 {
		examine(t)
	}
	<-done
	t.Logf("%d requests meanwhile", asked)
}

func contains(r result, text string) bool {
	return strings.Contains(r.stdout+r.stderr, text)
}

func configFile(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "seqd.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
