//go:build !lean

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/cmd/seqd/version"
	"github.com/seqd-io/seqd/integration/pace"
)

// The test binary is seqd itself where this is set, so that tests can start
// whole processes and send them signals.
const asProgram = "SEQD_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(runTests(m))
}

// runTests keeps the tests, which throw their etcds away, and what they start, out
// of what this machine remembers.
func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "seqd-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	noFolder := filepath.Join(dir, "file")
	if err := os.WriteFile(noFolder, nil, 0o600); err != nil {
		panic(err)
	}
	os.Setenv("SEQD_STATE_DIR", "none")
	os.Setenv("XDG_STATE_HOME", noFolder) // where a fence would be noted nevertheless, and one test's port may be another's
	os.Unsetenv("STATE_DIRECTORY")
	return m.Run()
}

const (
	exitOK     = cmdline.ExitOK
	exitFailed = cmdline.ExitFailed
	exitUsage  = cmdline.ExitUsage
)

// patience bounds what is sure to come.
const patience = pace.Patience

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
}

// runSeqd runs a command to its end, in this process.
func runSeqd(t testing.TB, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := seqd(&stdout, &stderr).Run(t.Context(), args)
	return result{code, stdout.String(), stderr.String()}
}

// process is seqd as a process of its own.
type process struct {
	*exec.Cmd
	stdout, stderr *output
	ended          chan struct{}
}

func start(t testing.TB, env []string, args ...string) *process {
	t.Helper()
	return startWith(t, nil, env, args...)
}

// startWith is start with something to read; nil: nothing.
func startWith(t testing.TB, stdin io.Reader, env []string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), stdout: newOutput(), stderr: newOutput(), ended: make(chan struct{})}
	p.Env = append(append(os.Environ(), asProgram+"=1"), env...)
	p.Stdin, p.Stdout, p.Stderr = stdin, p.stdout, p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.Wait() // the exit code is read from ProcessState
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill() // an ended process is none to kill
		<-p.ended
	})
	return p
}

// signal sends a signal and returns the exit code and the time until the end.
func (p *process) signal(t testing.TB, s os.Signal) (code int, took time.Duration) {
	t.Helper()
	begin := time.Now()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("%v did not end it; stderr:\n%s", s, p.stderr)
	}
	return p.ProcessState.ExitCode(), time.Since(begin)
}

// wait waits until want has been printed, and returns what it matched.
func (p *process) wait(t testing.TB, o *output, want string) []string {
	t.Helper()
	re := regexp.MustCompile(want)
	deadline := time.After(patience)
	for {
		more := o.more()
		if m := re.FindStringSubmatch(o.String()); m != nil {
			return m
		}
		select {
		case <-more:
		case <-p.ended:
			t.Fatalf("it ended with %v before it printed %q; stdout:\n%s\nstderr:\n%s", p.ProcessState, want, p.stdout, p.stderr)
		case <-deadline:
			t.Fatalf("it did not print %q; stdout:\n%s\nstderr:\n%s", want, p.stdout, p.stderr)
		}
	}
}

// output keeps what a process prints.
type output struct {
	mu    sync.Mutex
	text  strings.Builder
	grown chan struct{} // closed with the next write
}

func newOutput() *output { return &output{grown: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.grown)
	o.grown = make(chan struct{})
	return o.text.Write(p)
}

func (o *output) more() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.grown
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

var _ io.Writer = (*output)(nil)

func TestUsage(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
		want string // in stderr, or in stdout where the code is 0
	}{
		{nil, exitUsage, "which command?"},
		{[]string{"nonsense"}, exitUsage, `unknown command "nonsense"`},
		{[]string{"wroker", "--config", "x"}, exitUsage, `unknown command "wroker"; did you mean worker?`},
		{[]string{"help", "admin", "jmup"}, exitUsage, `unknown command "jmup"; did you mean jump?`},
		{[]string{"next", "demo", "key", "--mdoe=strong"}, exitUsage, "unknown flag --mdoe; did you mean --mode?"},
		{[]string{"-h"}, exitOK, "check-config"},
		{[]string{"next", "-h"}, exitOK, "NATS_CREDS"},
		{[]string{"worker", "--help"}, exitOK, "SEQD_ETCD_ENDPOINTS"},
		{[]string{"next", "demo", "key", "--bogus"}, exitUsage, "try: seqd next -h"},
		{[]string{"next", "demo"}, exitUsage, "KEY is missing; for example: seqd next orders invoice"},
		{[]string{"next", "demo", "key", "--mode", "fast"}, exitUsage, "mode must be strong or weak"},
		{[]string{"next", "demo", "key", "--format", "xml"}, exitUsage, "--format must be text or json"},
		{[]string{"next", "demo", "key", "-n", "0"}, exitUsage, "-n must be at least 1, not 0"},
		{[]string{"next", "demo", "key", "-n", "many"}, exitUsage, `-n must be a whole number, not "many"`},
		{[]string{"next", "demo", "key", "--timeout", "5"}, exitUsage, `--timeout must be a time with its unit, like 500ms, 5s or 2m, not "5"`},
		{[]string{"next", "demo", "key", "--timeout"}, exitUsage, "--timeout needs a value: --timeout duration"},
		{[]string{"next", "demo", "key", "--root", "a.b"}, exitUsage, "root may hold"},
		{[]string{"next", "a b", "key"}, exitUsage, "store may hold"},
		{[]string{"next", "demo", ""}, exitUsage, "key must have"},
		{[]string{"doctor", "--nats-monitor", "localhost:8222"}, exitUsage, "--nats-monitor must be a URL like http://127.0.0.1:8222"},
		{[]string{"admin", "jump", "--yes=perhaps"}, exitUsage, `--yes must be true or false, not "perhaps"`},
		{[]string{"worker", "word"}, exitUsage, `unexpected word "word"`},
		{[]string{"worker", "--config", "/does/not/exist"}, exitFailed, "name another file with --config"},
		{[]string{"version"}, exitOK, "seqd " + version.String()},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			got := runSeqd(t, test.args...)
			text := got.stderr
			if test.code == exitOK {
				text = got.stdout
			}
			if got.code != test.code || !strings.Contains(text, test.want) {
				t.Errorf("got %+v, want exit %d and %q", got, test.code, test.want)
			}
		})
	}
}

func TestFlagsWinOverEnvironmentOverFile(t *testing.T) {
	file := t.TempDir() + "/seqd.yaml"
	if err := os.WriteFile(file, []byte("root: fromfile\nmax_keys: 7\nhttp: 127.0.0.1:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SEQD_ROOT", "fromenv")
	t.Setenv("SEQD_HTTP_ADDR", "127.0.0.1:2")
	t.Setenv("SEQD_CONFIG", file)
	for want, args := range map[string][]string{
		"fromflag.*.>: ": {"check-config", "--root", "fromflag"},
		"fromenv.*.>: ":  {"check-config"},
	} {
		if got := runSeqd(t, args...); got.code != exitOK || !strings.HasPrefix(got.stdout, want) {
			t.Errorf("got %+v, want %s", got, want)
		}
	}
	t.Setenv("SEQD_ROOT", "")
	if got := runSeqd(t, "check-config"); !strings.HasPrefix(got.stdout, "fromfile.*.>: ") {
		t.Errorf("got %+v", got)
	}
	t.Setenv("SEQD_MAX_KEYS", "many")
	if got := runSeqd(t, "check-config"); got.code != exitUsage || !strings.Contains(got.stderr, "SEQD_MAX_KEYS") {
		t.Errorf("got %+v", got)
	}
}

func TestCheckConfig(t *testing.T) {
	for _, test := range []struct{ name, file, want string }{
		{"unknown field", "root: seq\nstorse: {}\n", `:2: field storse not found`},
		{"unknown field below", "stores:\n  a:\n    mood: weak\n", `:3: field mood not found`},
		{"wrong type", "root: seq\nmax_keys: many\n", ":2: "},
		{"mode", "stores:\n  a:\n    mode: fast\n", ":3: stores.a.mode: must be strong or weak"},
		{"modes without the default", "stores:\n  a:\n    mode: weak\n    modes: [strong]\n", ":4: stores.a.modes: must hold the store's default mode, weak"},
		{"store's name", "stores:\n  \"a b\":\n    mode: weak\n", "store may hold A-Z"},
		{"max_count", "stores:\n  a: {max_count: -1}\n", ":2: stores.a.max_count: must be between 1 and"},
		{"segment", "stores:\n  a:\n    weak:\n      segment_min: 10\n      segment_max: 5\n", ":5: stores.a.weak.segment_max: must not be below segment_min"},
		{"lease", "stores:\n  a:\n    strong:\n      lease: 500ms\n", ":4: stores.a.strong.lease: must be 0, or from 1s to 60s, not 500ms"},
		{"lease of all stores", "stores:\n  '*':\n    strong: {lease: 61s}\n", ":3: stores.*.strong.lease: must be 0, or from 1s to 60s, not 1m1s"},
		{"lease without a unit", "stores:\n  a: {strong: {lease: 3}}\n", ":2: stores.a.strong.lease: must be 0, or a time with its unit"},
		{"lease's fraction", "stores:\n  a: {strong: {lease: 1.0005s}}\n", ":2: stores.a.strong.lease: must be in whole milliseconds"},
		{"lease misspelled", "stores:\n  a: {strong: {leese: 3s}}\n", ":2: field leese not found in stores.a.strong: there may be lease"},
		{"leases in one place", "stores:\n  a: {strong: {lease: 3s}}\n  b:\n    strong: {lease: 2s}\n    etcd: {endpoints: ['http://127.0.0.1:2379'], username: u, password: hunter2}\n",
			":4: stores.b.strong.lease: store a has a lease below /seqd in the same etcd"},
		{"runway", "stores:\n  a:\n    weak: {runway: soon}\n", ":3: "},
		{"number", "stores:\n  a:\n    number:\n      period: year\n      format: INV-{id}\n", ":5: stores.a.number.format: does not tell the year"},
		{"part of a number", "stores:\n  a:\n    number: {period: year,\n      format: '{yyyy}{mm}-{id}'}\n", ":4: stores.a.number.format: part {mm}: a period of year has no month"},
		{"number of a key", "stores:\n  '*':\n    keys:\n      k:\n        number: {format: '{ID}'}\n", ":5: stores.*.keys.k.number.format: part {ID}: there is no such part"},
		{"number that says nothing", "stores:\n  a:\n    number: {}\n", ":3: stores.a.number.period: there is neither a period nor a format"},
		{"number's period", "stores:\n  a:\n    number: {period: quarter}\n", ":3: stores.a.number.period: must be none, day, week, month or year"},
		{"number's zone", "stores:\n  a:\n    number: {period: day, zone: Berlin}\n", `:3: stores.a.number.zone: must be an IANA name, like Europe/Berlin, not "Berlin"`},
		{"number's year", "stores:\n  a:\n    number: {period: year, year_starts: 02-29}\n", ":3: stores.a.number.year_starts: must be a day that every year has"},
		{"number's empty format", "stores:\n  a:\n    number: {period: year, format: ''}\n", ":3: stores.a.number.format: is empty: leave it out for the default"},
		{"number misspelled", "stores:\n  a: {number: {periode: year}}\n", ":2: field periode not found in stores.a.number: there may be format, period, scramble_secret_file, year_starts, zone"},
		{"floor above the number", "stores:\n  a:\n    bigger_than: 999\n    number: {format: 'A{id:03}'}\n", ":3: stores.a.bigger_than: bigger_than of 999 leaves no id that the number has room for: its greatest is 999"},
		{"floor above a key's number", "stores:\n  a:\n    bigger_than: 999\n    keys:\n      k: {number: {format: 'A{id:03}'}}\n", ":5: stores.a.keys.k.number: the store's bigger_than of 999 leaves no id"},
		{"key's floor above the number", "stores:\n  a:\n    number: {format: 'A{id:03}'}\n    keys:\n      k: {bigger_than: 1000}\n", ":5: stores.a.keys.k.bigger_than: bigger_than of 1000 leaves no id"},
		{"no secret", "stores:\n  a:\n    number: {format: '{scramble:8}'}\n", ":3: stores.a.number.scramble_secret_file: is missing: {scramble:8} is keyed with a secret"},
		{"secret that is not there", "stores:\n  a:\n    number: {format: '{scramble:8}', scramble_secret_file: hunter2}\n",
			":3: stores.a.number.scramble_secret_file: read the file that is named here: no such file or directory; look whether the file is there and may be read by this user"},
		{"secret that is a folder", "stores:\n  a:\n    number: {format: '{scramble:8}', scramble_secret_file: /}\n", ":3: stores.a.number.scramble_secret_file: read the file that is named here: is a directory"},
		{"secret for nothing", "stores:\n  a:\n    number: {format: '{id}', scramble_secret_file: testdata/seqd.yaml}\n", ":3: stores.a.number.scramble_secret_file: is set, but the format scrambles nothing"},
		{"window", "stores:\n  a:\n    idempotency: {window: 59s}\n", ":3: stores.a.idempotency.window: must be 0, or from 1m to 24h, not 59s"},
		{"window of days", "stores:\n  a:\n    idempotency:\n      window: 48h\n", ":4: stores.a.idempotency.window: must be 0, or from 1m to 24h, not 48h0m0s"},
		{"window without a unit", "stores:\n  a: {idempotency: {window: 10}}\n", ":2: stores.a.idempotency.window: must be 0, or a time with its unit, from 1m to 24h, like 10m"},
		{"floor", "stores:\n  a:\n    bigger_than: -3\n", ":3: stores.a.bigger_than: must not be below 0"},
		{"key", "stores:\n  a:\n    keys:\n      \"\": {bigger_than: 3}\n", "key must have 1 to 200 bytes"},
		{"no endpoint", "stores:\n  a:\n    etcd: {prefix: /x}\n", "stores.a.etcd.endpoints: must name at least one"},
		{"root", "root: a.b\n", ":1: root: root may hold"},
		{"root of answers", "root: _INBOX\n", ":1: root: answers or words between workers have subjects that begin with _INBOX"},
		{"root of one's own answers", "root: me\nnats: {inbox_prefix: me.inbox}\n", ":1: root: answers or words between workers"},
		{"root of workers", "root: _SEQD\n", ":1: root: answers or words between workers"},
		{"port", "nats: {url: 'nats://u:hunter2@a:1,a:99999'}\n", ":1: nats.url: server 2 of 2 has a port that is no number from 1 to 65535"},
		{"empty endpoint", "etcd: {endpoints: ['a:1', '', 'b:2']}\n", ":1: etcd.endpoints: endpoint 2 of 3 is empty"},
		{"secret", "nats: {password: hunter2}\n", ":1: nats.password: is set without nats.user"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := t.TempDir() + "/seqd.yaml"
			if err := os.WriteFile(file, []byte(test.file), 0o600); err != nil {
				t.Fatal(err)
			}
			got := runSeqd(t, "check-config", file)
			if got.code != exitFailed || !strings.Contains(got.stderr, test.want) || !strings.Contains(got.stderr, file) {
				t.Errorf("got %+v, want %q", got, test.want)
			}
			if strings.Contains(got.stderr, "hunter2") {
				t.Error("a secret was printed")
			}
		})
	}
	t.Run("good", func(t *testing.T) {
		got := runSeqd(t, "check-config", "testdata/seqd.yaml")
		want := "seq.audit.>: default mode strong, counters at 10.0.0.9:2379 below /seqd\n" +
			"seq.orders.>: default mode strong, numbers INV-{period}-{id:06} by year in Europe/Berlin (21ae6d52), counters at 127.0.0.1:2379 below /ids\nok\n"
		if got.code != exitOK || !sameLines(got.stdout, want) {
			t.Errorf("got %+v", got)
		}
	})
}

// A worker has one session in an etcd, for all stores there that want one.
func TestTheShortestLeaseCounts(t *testing.T) {
	file := put(t, t.TempDir()+"/seqd.yaml", `stores:
  a: {strong: {lease: 5s}}
  b: {strong: {lease: 2s}}
  c: {strong: {lease: 0}}
  d: {strong: {lease: 4s}, etcd: {endpoints: [127.0.0.1:2379], prefix: /other}}
  e: {etcd: {endpoints: [127.0.0.1:2379], username: u, password: p}}
`)
	got := runSeqd(t, "check-config", file)
	for _, want := range []string{"seq.a.>: default mode weak, leased for 2s, counters", "seq.b.>: default mode weak, leased for 2s, counters", "seq.c.>: default mode weak, counters",
		"seq.d.>: default mode weak, leased for 4s, counters", "seq.e.>: default mode weak, counters"} {
		if got.code != exitOK || !strings.Contains(got.stdout, want) {
			t.Errorf("got %+v, want %q", got, want)
		}
	}
}

func sameLines(got, want string) bool {
	count := map[string]int{}
	for line := range strings.Lines(got) {
		count[line]++
	}
	for line := range strings.Lines(want) {
		count[line]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// skipIfShort keeps -short, with which CI looks for races, to what may have some.
func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts many servers, one after the other")
	}
}
