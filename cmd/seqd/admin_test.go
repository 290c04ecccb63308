//go:build !lean

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/integration/servers"
)

// adminOn returns a function that runs an admin command on an etcd.
func adminOn(t *testing.T, db *servers.Etcd) func(args ...string) result {
	t.Setenv("SEQD_ETCD_ENDPOINTS", db.Endpoint)
	return func(args ...string) result {
		t.Helper()
		return runSeqd(t, append([]string{"admin"}, args...)...)
	}
}

// squeeze makes one space of several, and hides what is new each time.
func squeeze(text string) string {
	text = regexp.MustCompile(`admin-[0-9a-f]{8}`).ReplaceAllString(text, "admin-X")
	text = regexp.MustCompile(`epoch 0 -> \d{10}`).ReplaceAllString(text, "epoch 0 -> NOW")
	text = regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(text, "ETCD")
	return regexp.MustCompile(` +`).ReplaceAllString(text, " ")
}

func (r result) want(t *testing.T, code int, stdout, stderr string) {
	t.Helper()
	if r.code != code || squeeze(r.stdout) != stdout || !strings.Contains(r.stderr, stderr) || (stderr == "") != (r.stderr == "") {
		t.Errorf("got exit %d, stdout:\n%s\nstderr: %s\nwant exit %d, stdout:\n%s\nstderr with %q", r.code, squeeze(r.stdout), r.stderr, code, stdout, stderr)
	}
}

func TestAdmin(t *testing.T) {
	db := servers.StartEtcd(t)
	admin := adminOn(t, db)
	admin("ls").want(t, exitOK, "no counter at ETCD below /seqd\n", "")
	admin("ls", "--format", "json").want(t, exitOK, "", "")
	admin("raise", "orders", "发票 1", "--to", "1000").want(t, exitOK, "STORE KEY WAS IS\norders \"发票 1\" 0 1000\n", "")
	admin("raise", "--to", "5", "orders", "发票 1").want(t, exitOK, "STORE KEY WAS IS\norders \"发票 1\" 1000 1000 unchanged\n", "")
	admin("raise", "demo", "a..b", "--to", "7", "--format", "json").want(t, exitOK, `{"store":"demo","key":"a..b","was":"0","is":"7"}`+"\n", "")
	admin("peek", "orders", "发票 1").want(t, exitOK, "STORE KEY LAST BY OWNER\norders \"发票 1\" 1000 admin-X -\n", "")
	admin("peek", "demo", "a..b", "--format", "json").want(t, exitOK, `{"store":"demo","key":"a..b","last":"7","by":"admin-X"}`+"\n", "")
	admin("peek", "demo", "none").want(t, exitFailed, "", `no counter of key "none" in store "demo"`)
	admin("ls").want(t, exitOK, "STORE KEY LAST BY OWNER\ndemo a..b 7 admin-X -\norders \"发票 1\" 1000 admin-X -\n", "")
	admin("ls", "demo").want(t, exitOK, "STORE KEY LAST BY OWNER\ndemo a..b 7 admin-X -\n", "")

	for _, args := range [][]string{{"--by", "100"}, {"--all", "--by", "100"}} {
		admin(append([]string{"jump"}, args...)...).want(t, exitFailed, "STORE KEY WAS IS\ndemo a..b 7 107\norders \"发票 1\" 1000 1100\n"+
			"incarnation of ETCD /seqd: epoch 0 -> NOW, floor of new keys 0 -> 100\n", "nothing was changed: this is what would be done; add --yes to do it")
	}
	admin("ls", "demo").want(t, exitOK, "STORE KEY LAST BY OWNER\ndemo a..b 7 admin-X -\n", "")
	for _, yes := range []string{"--yes=false", "--yes"} { // a misspelled store was a success
		admin("jump", "ordres", "--by", "100", yes).want(t, exitFailed, "", `no counter in store "ordres"`)
	}
	const none = "no new incarnation: workers that answer FENCED go on doing so until all counters are raised (--all)\n"
	admin("jump", "demo", "a..b", "--by", "1").want(t, exitFailed, "STORE KEY WAS IS\ndemo a..b 7 8\n"+none, "nothing was changed")
	admin("jump", "demo", "a..b", "--by", "1", "--yes").want(t, exitOK, "STORE KEY WAS IS\ndemo a..b 7 8\n"+none, "")
	admin("jump", "demo", "--by", "1", "--yes").want(t, exitOK, "STORE KEY WAS IS\ndemo a..b 8 9\n"+none, "")
	admin("jump", "demo", "none", "--by", "1", "--yes").want(t, exitFailed, "", `no counter of key "none"`)
	admin("jump", "--all", "--by", "100", "--yes").want(t, exitOK, "STORE KEY WAS IS\ndemo a..b 9 109\norders \"发票 1\" 1000 1100\n"+
		"incarnation of ETCD /seqd: epoch 0 -> NOW, floor of new keys 0 -> 100\n", "")

	admin("jump", "demo", "--by", "9223372036854775807", "--yes").want(t, exitOK,
		"STORE KEY WAS IS\ndemo a..b 109 9223372036854775807 EXHAUSTED: no ids are left\n"+none, "")
	admin("jump", "demo", "--by", "1", "--yes", "--format", "json").want(t, exitOK,
		`{"store":"demo","key":"a..b","was":"9223372036854775807","is":"9223372036854775807","exhausted":true}`+"\n", "")
}

// Counters that workers own: one that does not answer any more, and one that has
// ended.
func TestAdminOfOwners(t *testing.T) {
	db := servers.StartEtcd(t)
	client, admin := db.Connect(t), adminOn(t, db)
	put := func(path, value string) {
		t.Helper()
		if _, err := client.Put(t.Context(), "/seqd/v1/"+path, value); err != nil {
			t.Fatal(err)
		}
	}
	const session = `{"fmt":1,"lease_ms":1000}`
	put("counters/orders/a", `{"fmt":2,"last":100,"by":"w1","owner":"w1"}`)
	put("counters/orders/b", `{"fmt":2,"last":50,"by":"w2","owner":"w2"}`)
	put("counters/orders/c", `{"fmt":1,"last":7,"by":"w2"}`)
	put("sessions/w1", session)
	admin("ls").want(t, exitOK, "STORE KEY LAST BY OWNER\norders a 100 w1 w1\norders b 50 w2 w2\norders c 7 w2 -\n", "")
	admin("peek", "orders", "a").want(t, exitOK, "STORE KEY LAST BY OWNER\norders a 100 w1 w1\n"+
		"its owner has a session: if that is not renewed for 1.1s, others may take it over\n", "")
	admin("peek", "orders", "b").want(t, exitOK, "STORE KEY LAST BY OWNER\norders b 50 w2 w2\n"+
		"its owner has no session: the next worker that is asked takes it over\n", "")
	admin("peek", "orders", "a", "--format", "json").want(t, exitOK,
		`{"store":"orders","key":"a","last":"100","by":"w1","owner":"w1","session":{"stands":true,"lease_ms":1000}}`+"\n", "")
	admin("peek", "orders", "b", "--format", "json").want(t, exitOK,
		`{"store":"orders","key":"b","last":"50","by":"w2","owner":"w2","session":{"stands":false}}`+"\n", "")

	const waiting = "waiting for its owner w1 to let go, 1.1s at most\n"
	admin("raise", "orders", "a", "--to", "10").want(t, exitOK, waiting+"STORE KEY WAS IS\norders a 100 101\n", "")
	admin("raise", "orders", "b", "--to", "60").want(t, exitOK, "STORE KEY WAS IS\norders b 50 60\n", "")
	admin("ls", "--format", "json").want(t, exitOK, `{"store":"orders","key":"a","last":"101","by":"admin-X","owner":"w1"}`+"\n"+
		`{"store":"orders","key":"b","last":"60","by":"admin-X"}`+"\n"+`{"store":"orders","key":"c","last":"7","by":"w2"}`+"\n", "")
	put("counters/orders/b", `{"fmt":2,"last":60,"by":"w2","owner":"w2"}`)
	put("sessions/w1", session)
	put("sessions/w2", session)
	admin("raise", "orders", "a", "--to", "200", "--format", "json").want(t, exitOK, `{"store":"orders","key":"a","was":"101","is":"200","owner":"w1"}`+"\n", "")
	put("sessions/w1", session)

	const none = "no new incarnation: workers that answer FENCED go on doing so until all counters are raised (--all)\n"
	admin("jump", "orders", "a", "--by", "1").want(t, exitFailed, "STORE KEY WAS IS\norders a 200 201\nit will wait for its owner w1 to let go, 1.1s at most\n"+none, "nothing was changed")
	const rows = "STORE KEY WAS IS\norders a 200 201\norders b 60 61\norders c 7 8\n"
	admin("jump", "orders", "--by", "1").want(t, exitFailed, rows+"it will wait for 2 workers to let go of 2 counters, 1.1s at most\n"+none, "nothing was changed")
	admin("jump", "orders", "--by", "1", "--yes").want(t, exitOK, rows+"waiting for 2 workers to let go of 2 counters, 1.1s at most\n"+none, "")
	admin("ls").want(t, exitOK, "STORE KEY LAST BY OWNER\norders a 201 admin-X w1\norders b 61 admin-X w2\norders c 8 admin-X -\n", "")
	admin("jump", "orders", "--by", "1", "--yes") // they have gone: so ls shows no owner any more
	admin("ls").want(t, exitOK, "STORE KEY LAST BY OWNER\norders a 202 admin-X -\norders b 62 admin-X -\norders c 9 admin-X -\n", "")

	put("counters/orders/a", `{"fmt":2,"last":201,"by":"w1","owner":"w1"}`)

	put("sessions/w1", `{"fmt":9}`)
	admin("raise", "orders", "a", "--to", "300").want(t, exitFailed, "STORE KEY WAS IS\norders a 201 300\n", "STRONG ids may be lower until w1 let go or their lease ends")
	admin("peek", "orders", "a").want(t, exitOK, "STORE KEY LAST BY OWNER\norders a 300 admin-X w1\n"+
		"its owner's session is not understood: \"allocator: counter record not understood: the session has format 9, this version knows 1\"\n", "")
}

func TestAdminUsage(t *testing.T) {
	for want, args := range map[string][]string{
		"which command?":         {},
		`unknown command "nix"`:  {"nix"},
		"try: seqd admin ls -h":  {"ls", "a", "b"},
		"--to must be given":     {"raise", "a", "b"},
		"--by must be given":     {"jump"},
		"1 or more":              {"jump", "--by", "-5"},
		"--all takes no store":   {"jump", "--all", "a", "--by", "1"},
		"must be text or json":   {"ls", "--format", "xml"},
		"store may hold":         {"ls", "a b"},
		"key must have":          {"peek", "a", ""},
		"try: seqd admin jump -": {"jump", "--by", "many"},
	} {
		got := runSeqd(t, append([]string{"admin"}, args...)...)
		if got.code != exitUsage || !strings.Contains(got.stderr, want) || got.stdout != "" {
			t.Errorf("%q: got %+v, want %q", args, got, want)
		}
	}
	for _, command := range []string{"ls", "peek", "raise", "jump"} {
		if got := runSeqd(t, "admin", command, "-h"); got.code != exitOK || !strings.Contains(got.stdout, "SEQD_ETCD_ENDPOINTS") {
			t.Errorf("%s -h: got %+v", command, got)
		}
	}
}

// A record that is not understood is shown and left alone, and the rest is done.
func TestAdminWithABadRecord(t *testing.T) {
	db := servers.StartEtcd(t)
	admin := adminOn(t, db)
	admin("raise", "demo", "good", "--to", "1")
	const path, value = "/seqd/v1/counters/demo/bad", `{"fmt":9}`
	if _, err := db.Connect(t).Put(t.Context(), path, value); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"ls"}, {"peek", "demo", "bad"}, {"jump", "--by", "5", "--yes"}, {"jump", "demo", "--by", "5", "--yes"}} {
		if got := admin(args...); got.code != exitFailed || !strings.Contains(got.stderr, "1 records are not understood") {
			t.Errorf("%q: got %+v", args, got)
		}
	}
	if got := admin("raise", "demo", "bad", "--to", "7"); got.code != exitFailed || !strings.Contains(got.stderr, "format 9") {
		t.Errorf("got %+v", got)
	}
	admin("peek", "demo", "good", "--format", "json").want(t, exitOK, `{"store":"demo","key":"good","last":"11","by":"admin-X"}`+"\n", "")
	resp, err := db.Connect(t).Get(t.Context(), path)
	if err != nil || string(resp.Kvs[0].Value) != value {
		t.Errorf("the bad record is %v, %v", resp.Kvs, err)
	}
}

func TestAdminOfAStoreThatIsMisspelt(t *testing.T) {
	file := configFile(t, "etcd: {endpoints: [127.0.0.1:1]}\nstores:\n  orders: {}\n  invoices: {}\n")
	got := runSeqd(t, "admin", "peek", "ordres", "k", "--config", file)
	if want := `store "ordres" is not configured in ` + file + "; did you mean orders?"; got.code != exitFailed || !strings.Contains(got.stderr, want) {
		t.Errorf("got %+v, want %q", got, want)
	}
}

// Stores may be kept in several clusters: each command finds them by the
// workers' configuration.
func TestAdminInSeveralClusters(t *testing.T) {
	one, two := servers.StartEtcd(t), servers.StartEtcd(t)
	file := filepath.Join(t.TempDir(), "seqd.yaml")
	config := fmt.Sprintf("etcd: {endpoints: [%s]}\nstores:\n  a: {}\n  b:\n    etcd: {endpoints: [%s]}\n", one.Endpoint, two.Endpoint)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SEQD_CONFIG", file)
	for _, store := range []string{"a", "b"} {
		if got := runSeqd(t, "admin", "raise", store, "k", "--to", "1"); got.code != exitOK {
			t.Errorf("got %+v", got)
		}
	}
	if got := runSeqd(t, "admin", "raise", "c", "k", "--to", "1"); got.code != exitFailed || !strings.Contains(got.stderr, `store "c" is not configured`) {
		t.Errorf("got %+v", got)
	}
	got := runSeqd(t, "admin", "jump", "--by", "10", "--yes", "--format", "json")
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	if got.code != exitOK || len(lines) != 4 {
		t.Fatalf("got %+v", got)
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
	for store, db := range map[string]*servers.Etcd{"a": one, "b": two} {
		resp, err := db.Connect(t).Get(t.Context(), "/seqd/v1/counters/"+store+"/k")
		if err != nil || len(resp.Kvs) != 1 || !strings.Contains(string(resp.Kvs[0].Value), `"last":11,`) {
			t.Errorf("store %s: %v, %v", store, resp, err)
		}
	}
}

func TestAdminWithoutEtcd(t *testing.T) {
	db := servers.StartEtcd(t)
	db.Stop()
	// The head of the table stood above the error.
	if got := adminOn(t, db)("ls"); got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, "--etcd-endpoints") {
		t.Errorf("got %+v", got)
	}
}

// From the fault to the way out, as an operator has it: a worker process, its
// etcd restored, what the log says, what admin does, and ids again.
func TestRestoreGuard(t *testing.T) {
	nats, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	admin := adminOn(t, db)
	state := t.TempDir()
	env := []string{"NATS_URL=" + nats.URL, "SEQD_STATE_DIR=" + state, "SEQD_HTTP_ADDR=none"}
	p := start(t, env, "worker")
	p.wait(t, p.stderr, "joined the queue group")
	wantIDs(t, nats.URL, "1\n", "demo", "key", "--mode", "strong")
	backup := db.Backup(t)
	wantIDs(t, nats.URL, "2\n", "demo", "key", "--mode", "strong")
	wantIDs(t, nats.URL, "1\n", "demo", "young", "--mode", "strong")
	db.Restore(t, backup, 0)

	// The worker says so, or, once it has left the queue group, next says so of it.
	got := runSeqd(t, "next", "demo", "key", "--mode", "strong", "--nats-url", nats.URL, "--timeout", "10s")
	if got.code != exitFailed || !strings.Contains(strings.ToUpper(got.stderr), "FENCED") {
		t.Errorf("got %+v, want FENCED", got)
	}
	p.wait(t, p.stderr, "(?m)left the queue group.*fell from.*seqd admin jump --all --by N.*"+regexp.QuoteMeta(state))
	again := start(t, env, "worker")
	again.wait(t, again.stderr, "not serving yet.*fell from")
	if got := admin("jump", "--by", "1000", "--yes"); got.code != exitOK {
		t.Errorf("got %+v", got)
	}
	p.wait(t, p.stderr, "(?s)left the queue group.*joined the queue group")
	again.wait(t, again.stderr, "joined the queue group")
	wantIDs(t, nats.URL, "1002\n", "demo", "key", "--mode", "strong")
	wantIDs(t, nats.URL, "1001\n", "demo", "young", "--mode", "strong")

	// And to the last id there is, over the whole system.
	if got := admin("raise", "demo", "key", "--to", "9223372036854775805"); got.code != exitOK {
		t.Errorf("got %+v", got)
	}
	exhausted := func(n string) {
		t.Helper()
		got := runSeqd(t, "next", "demo", "key", "-n", n, "--mode", "strong", "--nats-url", nats.URL)
		if got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, "EXHAUSTED") {
			t.Errorf("%s ids: got %+v, want EXHAUSTED", n, got)
		}
	}
	exhausted("3")
	wantIDs(t, nats.URL, "9223372036854775806\n9223372036854775807\n", "demo", "key", "-n", "2", "--mode", "strong")
	exhausted("1")
}
