//go:build !lean

package main

import (
	"flag"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/integration/servers"
)

// What each variable sets, and for which commands. A new one needs a line here, so
// that somebody asks whether it means the same everywhere, and whether a variable
// that was left over may decide it.
var variables = map[string]string{
	"NATS_CA NATS_CERT NATS_CONTEXT NATS_CREDS NATS_INBOX_PREFIX NATS_KEY NATS_NKEY NATS_PASSWORD NATS_TOKEN NATS_URL NATS_USER": "bench bench-deployed bench-echo check-config doctor next stamp top worker",
	"SEQD_ETCD_CA SEQD_ETCD_CERT SEQD_ETCD_DIAL_TIMEOUT SEQD_ETCD_ENDPOINTS SEQD_ETCD_KEY SEQD_ETCD_PASSWORD SEQD_ETCD_PREFIX SEQD_ETCD_USERNAME": "admin-import admin-jump admin-ls admin-peek admin-raise " +
		"check-config doctor worker",
	"SEQD_DRAIN_TIMEOUT SEQD_MAX_KEYS SEQD_MAX_PATIENCE SEQD_MAX_WAITING SEQD_PAGE SEQD_STATE_DIR": "check-config doctor worker",
	"SEQD_CONFIG":                    "admin-import admin-jump admin-ls admin-peek admin-raise check-config decode dev doctor worker",
	"SEQD_HTTP_ADDR":                 "check-config doctor health stamp worker",
	"SEQD_LOG_FORMAT SEQD_LOG_LEVEL": "check-config dev doctor stamp worker",
	"SEQD_PPROF":                     "check-config dev doctor worker",
	"SEQD_ROOT":                      "bench bench-deployed check-config doctor next stamp worker",
	"NATS_MONITOR":                   "doctor",
	"SEQD_DATA_DIR SEQD_ETCD_PORT SEQD_HTTP_PORT SEQD_NATS_PORT": "dev",
	"SEQD_BATCH SEQD_CONSUMER SEQD_FILTER SEQD_JS_DOMAIN SEQD_KEY SEQD_KEY_HEADER SEQD_KEY_TOKEN SEQD_MODE SEQD_ON_BAD SEQD_START_SEQ SEQD_STORE SEQD_STREAM SEQD_TO": "stamp",
}

func TestVariables(t *testing.T) {
	want := map[string]string{}
	for names, commands := range variables {
		for name := range strings.FieldsSeq(names) {
			want[name] = commands
		}
	}
	got := map[string]string{}
	for name, commands := range settings.Variables(seqd(io.Discard, io.Discard).Root) {
		for i, c := range commands {
			commands[i] = strings.ReplaceAll(strings.TrimPrefix(c, "seqd "), " ", "-")
		}
		slices.Sort(commands)
		got[name] = strings.Join(commands, " ")
	}
	for name := range maps.Keys(got) {
		if got[name] != want[name] {
			t.Errorf("%s is read by %q, want %q", name, got[name], want[name])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("nobody reads %v", want)
	}
}

// A variable that means one thing for one command and another for the next sets
// the wrong one: its flag has one kind of value wherever it is read.
func TestOneVariableOneMeaning(t *testing.T) {
	kinds := map[string]string{}
	for command, c := range commands(seqd(io.Discard, io.Discard).Root) {
		c.FlagSet.VisitAll(func(f *flag.Flag) {
			name := settings.Variable(c.FlagSet, f.Name)
			if name == "" {
				return
			}
			kind, _ := flag.UnquoteUsage(f)
			if kinds[name] == "" {
				kinds[name] = kind
			}
			if kinds[name] != kind {
				t.Errorf("%s is a %s for %s, and a %s elsewhere", name, kind, command, kinds[name])
			}
		})
	}
}

// SEQD_YES=1 confirmed a jump, SEQD_TO was the stamper's subject and the id that a
// counter is raised to: what belongs to one call stands on its command line.
func TestVariablesDecideNoCall(t *testing.T) {
	db := servers.StartEtcd(t)
	admin := adminOn(t, db)
	admin("raise", "demo", "key", "--to", "5")
	all := func() string { return admin("ls", "--format", "json").stdout }
	before := all()
	for _, name := range []string{"YES", "ALL", "TO", "BY", "FORMAT", "N", "TIMEOUT"} {
		t.Setenv("SEQD_"+name, "1")
	}
	for want, args := range map[string][]string{
		"add --yes to do it":                   {"jump", "--all", "--by", "10"},
		"the variable SEQD_YES is not read":    {"jump", "--by", "10"},
		"--by must be given":                   {"jump", "--all", "--yes"},
		"--to must be given":                   {"raise", "demo", "key"},
		"the variable SEQD_FORMAT is not read": {"jump", "demo", "key", "--by", "3"},
	} {
		if got := admin(args...); got.code == exitOK || !strings.Contains(got.stderr, want) {
			t.Errorf("%q: got %+v, want %q", args, got, want)
		}
	}
	if after := all(); after != before {
		t.Errorf("it was\n%sand is\n%s", before, after)
	}
}

// A bad variable was reported as the file's line.
func TestErrorsNameWhereAValueCameFrom(t *testing.T) {
	file := filepath.Join(t.TempDir(), "seqd.yaml")
	if err := os.WriteFile(file, []byte("root: seq\nmax_keys: 5\nhttp: none\nnats:\n  user: me\nlog: {level: info}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		variable, value string
		args            []string
		code            int
		want            string
	}{
		{"SEQD_ROOT", "a.b", nil, exitUsage, "seqd: environment variable SEQD_ROOT: root: root may hold"},
		{"SEQD_ROOT", "ok", []string{"--root", "a.b"}, exitUsage, "seqd: --root: root: root may hold"},
		{"SEQD_MAX_KEYS", "0", nil, exitUsage, "seqd: environment variable SEQD_MAX_KEYS: max_keys: must be between 1 and"},
		{"SEQD_MAX_KEYS", "many", nil, exitUsage, "seqd: environment variable SEQD_MAX_KEYS: "},
		{"SEQD_HTTP_ADDR", "8280", nil, exitUsage, "seqd: environment variable SEQD_HTTP_ADDR: http: must be HOST:PORT"},
		{"SEQD_LOG_LEVEL", "loud", nil, exitUsage, "seqd: environment variable SEQD_LOG_LEVEL: log.level: must be"},
		{"SEQD_ETCD_CA", "/nothing", nil, exitUsage, "seqd: environment variable SEQD_ETCD_CA: etcd.tls.ca: "},
		{"SEQD_ETCD_DIAL_TIMEOUT", "-1s", nil, exitUsage, "seqd: environment variable SEQD_ETCD_DIAL_TIMEOUT: etcd.dial_timeout: "},
		{"NATS_TOKEN", "x", nil, exitUsage, "seqd: environment variable NATS_TOKEN: nats.token: is set, and so is nats.user: "},
		{"NATS_CREDS", "/nothing", nil, exitUsage, "nats.creds: is set, and so is nats.user: "},
		{"NATS_CONTEXT", "x", nil, exitUsage, "seqd: environment variable NATS_CONTEXT: nats.context: is set, and so is nats.user, which a context says itself"},
		{"NATS_INBOX_PREFIX", "a b", nil, exitUsage, "seqd: environment variable NATS_INBOX_PREFIX: nats.inbox_prefix: "},
		{"SEQD_CONFIG", "", []string{"--max-waiting", "0"}, exitUsage, "seqd: --max-waiting: max_waiting: must be at least 1"},
	} {
		t.Run(test.want, func(t *testing.T) {
			t.Setenv(test.variable, test.value)
			for _, command := range []string{"check-config", "worker", "doctor"} {
				got := runSeqd(t, append([]string{command, "--config", file}, test.args...)...)
				if got.code != test.code || !strings.Contains(got.stderr, test.want) || strings.Contains(got.stderr, file) || got.stdout != "" {
					t.Errorf("%s: got %+v, want exit %d and %q", command, got, test.code, test.want)
				}
			}
		})
	}
	// What the file says is still the file's where something else is set beside it.
	t.Setenv("SEQD_MAX_KEYS", "7")
	put(t, file, "root: a.b\n")
	if got := runSeqd(t, "check-config", file); got.code != exitFailed || !strings.Contains(got.stderr, file+":1: root: ") {
		t.Errorf("got %+v", got)
	}
}
