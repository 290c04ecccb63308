//go:build !lean

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/integration/servers"
)

// importFile writes a file to import, and returns its name.
func importFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "counters.csv")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestAdminImport(t *testing.T) {
	db := servers.StartEtcd(t)
	admin := adminOn(t, db)
	admin("raise", "orders", "high", "--to", "9000")
	file := importFile(t, "\ufeffstore,key,last\n# by hand\n\norders,invoice.2026,1000\r\norders, \"a,b\", 20\n"+
		"orders \"发票 1\"\t30\norders high 40\norders\tlast 9223372036854775807\n")
	const rows = "STORE KEY WAS IS\norders invoice.2026 0 1000\norders a,b 0 20\norders \"发票 1\" 0 30\norders high 9000 9000 unchanged\n" +
		"orders last 0 9223372036854775807 EXHAUSTED: no ids are left\n"
	admin("import", file).want(t, exitFailed, rows+"would raise 4 of 5 counters; the others stay as they are\n", "add --config FILE, and --yes to do it")
	config := filepath.Join(t.TempDir(), "seqd.yaml")
	if err := os.WriteFile(config, []byte("stores: {orders: {}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	admin("import", file, "--config", config).want(t, exitFailed, rows+"would raise 4 of 5 counters; the others stay as they are\n", "nothing was changed: this is what would be done; add --yes to do it")
	admin("ls").want(t, exitOK, "STORE KEY LAST BY OWNER\norders high 9000 admin-X -\n", "")
	admin("import", file, "--yes").want(t, exitOK, rows+"raised 4 of 5 counters; the others stay as they are\n", "")
	if got := admin("import", "--yes", file); strings.Count(got.stdout, "unchanged") != 4 || !strings.Contains(got.stdout, "raised 0 of 5 counters") {
		t.Errorf("imported again: got %+v", got)
	}
	admin("import", importFile(t, "orders k 5\n"), "--yes", "--format", "json").want(t, exitOK, `{"store":"orders","key":"k","was":"0","is":"5"}`+"\n", "")
	// What ls prints, without the columns that an import has not, comes back.
	admin("peek", "orders", "发票 1").want(t, exitOK, "STORE KEY LAST BY OWNER\norders \"发票 1\" 30 admin-X -\n", "")
}

// One malformed line, wherever it stands, keeps every other one from being raised.
func TestAdminImportRefusesAMalformedFile(t *testing.T) {
	db := servers.StartEtcd(t)
	admin := adminOn(t, db)
	before := func() int64 {
		resp, err := db.Connect(t).Get(t.Context(), "/")
		if err != nil {
			t.Fatal(err)
		}
		return resp.Header.Revision
	}
	start := before()
	good := strings.Repeat("orders,good,1\n", 300)
	for line, want := range map[string]string{
		"orders,k":                     "has 2 fields, and must have 3",
		"orders k 1 2":                 "has 4 fields",
		"orders,k,x":                   "LAST must be a whole number from 0 to 9223372036854775807, not x",
		"orders,k,-1":                  "not -1",
		"orders,k,+1":                  "not +1",
		"orders,k,1.5":                 "not 1.5",
		"orders,k,":                    `not ""`,
		"orders,k,9999999999999999999": "not 9999999999999999999",
		"or ders,k,1":                  "has 2 fields",
		"or.ders,k,1":                  "store may hold",
		"orders,,1":                    "key must have",
		`orders,k ,1`:                  `the key "k " begins or ends with a blank`,
		`orders "k 1`:                  "has a quote that does not end",
		`orders,"k"x,1`:                "is not CSV",
		"a ,b, 7 8":                    "LAST must be a whole number from 0 to 9223372036854775807, not \"7 8\"",
		"orders,k,2026-13-01#4":        "LAST names the period 2026-13-01",
		"orders,k,2100-01-01#4":        "2100-01-01 has not begun",
		"orders " + strings.Repeat("k", 5000) + " 1": "is longer than the 4096 bytes",
		"orders " + strings.Repeat("k", 300) + " 1":  "key",
	} {
		file := importFile(t, good+line+"\n"+good)
		got := admin("import", file, "--yes")
		if got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, file+":301: ") || !strings.Contains(got.stderr, want) || !strings.Contains(got.stderr, "nothing was changed") {
			t.Errorf("%q: got %+v, want %q", line, got, want)
		}
	}
	got := admin("import", importFile(t, strings.Repeat("orders,k\n", 7)), "--yes")
	if strings.Count(got.stderr, "has 2 fields") != 5 || !strings.Contains(got.stderr, "and 2 more lines") {
		t.Errorf("got %+v", got)
	}
	if got := admin("import", importFile(t, "# nothing\n"), "--yes"); got.code != exitFailed || !strings.Contains(got.stderr, "names no counters") {
		t.Errorf("got %+v", got)
	}
	if got := admin("import", "/no/such/file"); got.code != exitFailed || !strings.Contains(got.stderr, "no such file") {
		t.Errorf("got %+v", got)
	}
	if got := admin("import", t.TempDir()); got.code != exitFailed || !strings.Contains(got.stderr, "is a folder; name a file") {
		t.Errorf("got %+v", got)
	}
	if now := before(); now != start {
		t.Errorf("something was written: etcd went from revision %d to %d", start, now)
	}
}

// Stores in two etcds, a store that no configuration names, and keys that count in
// periods.
func TestAdminImportByTheConfiguration(t *testing.T) {
	one, two := servers.StartEtcd(t), servers.StartEtcd(t)
	config := configFile(t, fmt.Sprintf("etcd: {endpoints: [%s]}\nstores:\n  a: {}\n  b:\n    etcd: {endpoints: [%s]}\n    keys: {bill: {number: {period: year, format: \"{period}-{id:06}\"}}}\n", one.Endpoint, two.Endpoint))
	run := func(text string) result {
		t.Helper()
		return runSeqd(t, "admin", "import", importFile(t, text), "--yes", "--config", config)
	}
	run("a x 1\nb x 2\na y 3\nb bill 2025#7\n").want(t, exitOK, "STORE KEY WAS IS\na x 0 1\na y 0 3\nb x 0 2\nb bill 0 2025#7\nraised 4 of 4 counters; the others stay as they are\n", "")
	for text, want := range map[string]string{
		"a x 9\nc x 9\n":     `:2: store "c" is not configured`,
		"a x 9\nb bill 9\n":  ":2: the key counts in periods: LAST must name the period, as in 2026-11#42",
		"a x 9\nb bill 25#9": ":2: LAST names the period 25: ",
	} {
		if got := run(text); got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, want) {
			t.Errorf("%q: got %+v, want %q", text, got, want)
		}
	}
	got := run("b bill 2024#9\nb x 2020-01-01#9\na x 9\n") // only etcd knows what these count in
	if want := "STORE KEY WAS IS\na x 1 9\n"; got.code != exitFailed || !strings.HasPrefix(squeeze(got.stdout), want) || strings.Count(got.stdout, " ? ") != 2 ||
		!strings.Contains(got.stderr, "left as they are: 2 counters that count in other periods than LAST says") {
		t.Errorf("got %+v", got)
	}
}

// From a pipe, more lines than one page, and with word of how far it is.
func TestAdminImportFromStdin(t *testing.T) {
	db := servers.StartEtcd(t)
	var lines strings.Builder
	const n = 10_050
	for i := range n {
		fmt.Fprintf(&lines, "orders,key.%d,%d\n", i, i+1)
	}
	p := startWith(t, strings.NewReader(lines.String()), []string{"SEQD_ETCD_ENDPOINTS=" + db.Endpoint}, "admin", "import", "-", "--yes")
	<-p.ended
	if code := p.ProcessState.ExitCode(); code != exitOK || p.stderr.String() != "10000 of 10050 counters\n" || strings.Count(p.stdout.String(), "\n") < n {
		t.Errorf("exit %d, stderr %s", code, p.stderr)
	}
	adminOn(t, db)("peek", "orders", "key.10049").want(t, exitOK, "STORE KEY LAST BY OWNER\norders key.10049 10050 admin-X -\n", "")
}

// An import says what a raise says of owners, and waits for them.
func TestAdminImportOfOwners(t *testing.T) {
	db := servers.StartEtcd(t)
	client, admin := db.Connect(t), adminOn(t, db)
	for path, value := range map[string]string{
		"counters/orders/a": `{"fmt":2,"last":100,"by":"w1","owner":"w1"}`,
		"sessions/w1":       `{"fmt":1,"lease_ms":1000}`,
	} {
		if _, err := client.Put(t.Context(), "/seqd/v1/"+path, value); err != nil {
			t.Fatal(err)
		}
	}
	file := importFile(t, "orders a 50\n")
	admin("import", file).want(t, exitFailed, "STORE KEY WAS IS\norders a 100 101\nit will wait for its owner w1 to let go, 1.1s at most\nwould raise 1 of 1 counters; the others stay as they are\n", "nothing was changed")
	admin("import", file, "--yes").want(t, exitOK, "STORE KEY WAS IS\norders a 100 101\nwaiting for its owner w1 to let go, 1.1s at most\nraised 1 of 1 counters; the others stay as they are\n", "")
}

// A fence holds whatever was imported: only a jump of all counters ends it, and
// what was imported is still there then.
func TestAdminImportEndsNoFence(t *testing.T) {
	nats, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	admin := adminOn(t, db)
	env := []string{"NATS_URL=" + nats.URL, "SEQD_STATE_DIR=" + t.TempDir(), "SEQD_HTTP_ADDR=none"}
	file := importFile(t, "demo key 1000\n")
	admin("import", file, "--yes") // before any worker has started
	p := start(t, env, "worker")
	p.wait(t, p.stderr, "joined the queue group")
	wantIDs(t, nats.URL, "1001\n", "demo", "key", "--mode", "strong")
	backup := db.Backup(t)
	wantIDs(t, nats.URL, "1002\n", "demo", "key", "--mode", "strong")
	db.Restore(t, backup, 0)
	p.wait(t, p.stderr, "left the queue group.*fell from")
	if got := admin("import", importFile(t, "demo key 2000\n"), "--yes"); got.code != exitOK {
		t.Fatalf("got %+v", got)
	}
	again := start(t, env, "worker")
	again.wait(t, again.stderr, "not serving yet.*fell from")
	if got := admin("jump", "--by", "1000", "--yes"); got.code != exitOK {
		t.Errorf("got %+v", got)
	}
	again.wait(t, again.stderr, "joined the queue group")
	wantIDs(t, nats.URL, "3001\n", "demo", "key", "--mode", "strong")
}
