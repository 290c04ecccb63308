//go:build !lean

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/cmd/seqd/bench"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
)

// respond answers requests for ids with what next returns, in place of workers.
func respond(t *testing.T, next func() int64) (natsURL string) {
	t.Helper()
	s := servers.StartNATS(t, nil)
	nc := s.Connect(t)
	_, err := nc.QueueSubscribe(subjects.Wildcard(subjects.Root, bench.Store), subjects.Queue, func(m *nats.Msg) {
		reply := subjects.Reply{ID: next(), N: 1}
		_ = m.Respond(reply.Append(nil, subjects.Msgpack)) // the caller's timeout tells
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return s.URL
}

func empty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// benchEnough runs seqd bench for as long as it takes until requests are answered.
func benchEnough(t *testing.T, args ...string) (got result) {
	t.Helper()
	pace.Enough(t, 200*time.Millisecond, func(d time.Duration) error {
		got = runSeqd(t, append([]string{"bench", "--duration", d.String()}, args...)...)
		if strings.Contains(got.stderr, "no request was answered") {
			return errors.New(got.stderr)
		}
		return nil
	})
	return got
}

func TestBenchEmbedded(t *testing.T) {
	dir := t.TempDir()
	got := benchEnough(t, "--embedded", "--workers", "2", "--data-dir", dir, "--mode", "strong", "--callers", "8", "--keys", "3", "-n", "5",
		"--connections", "2", "--json", "orders", "a b")
	var r bench.Report
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || got.code != exitOK {
		t.Fatalf("%v; got %+v", err, got)
	}
	if r.Requests == 0 || r.Checked < r.Requests || r.CheckedFor != "unique and in order" || r.Callers != 8 || r.Keys != 3 || r.Connections != 2 ||
		r.Workers != 2 || r.IDs < 4.9*r.Rate || r.Machine.Fsync == 0 || r.Peer != "seqd seq.orders.a=20b.0 in mode strong" || len(r.Errors) > 0 {
		t.Errorf("got %+v", r)
	}
	empty(t, dir)
}

// A store with a lease is served from memory, and as strictly.
func TestBenchLeased(t *testing.T) {
	got := benchEnough(t, "--embedded", "--lease", "3s", "--data-dir", t.TempDir(), "--mode", "strong", "--callers", "8", "--keys", "3", "--json")
	var r bench.Report
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || got.code != exitOK {
		t.Fatalf("%v; got %+v", err, got)
	}
	if r.Requests == 0 || r.CheckedFor != "unique and in order" || r.Durability != "etcd fsync, per window" || len(r.Errors) > 0 {
		t.Errorf("got %+v", r)
	}
}

func TestBenchARunningSystem(t *testing.T) {
	var last atomic.Int64
	url := respond(t, func() int64 { return last.Add(1) })
	got := benchEnough(t, "--nats-url", url, "--callers", "4")
	if got.code != exitOK || got.stderr != "" || !strings.Contains(got.stdout, "requests/s") || !strings.Contains(got.stdout, "answers checked: unique\n") {
		t.Errorf("got %+v", got)
	}
	if strings.Contains(got.stdout, "\r") {
		t.Error("progress was shown to what is no terminal")
	}
}

// Workers that lie are found out, and the answers that show it are named.
func TestBenchFindsViolations(t *testing.T) {
	for _, test := range []struct {
		name, mode string
		id         func(asked int64) int64
		want       []string
	}{
		{"duplicate", "weak", func(asked int64) int64 { return 1 + asked%10 },
			[]string{"was handed out twice\n\tkey: ids ", " for caller 0, asked ", " and answered "}},
		{"order", "strong", func(asked int64) int64 { return 1_000_000_000 - asked },
			[]string{"a request got lower ids than were known before it was made\n\tkey: ids 999", " for caller 0, asked ", " and answered "}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var asked atomic.Int64
			url := respond(t, func() int64 { return test.id(asked.Add(1)) })
			for _, format := range []string{"--json=false", "--json"} {
				var got result
				pace.Enough(t, 200*time.Millisecond, func(d time.Duration) error {
					asked.Store(0)
					got = runSeqd(t, "bench", "--nats-url", url, "--mode", test.mode, "--callers", "1", "--duration", d.String(), format)
					if n := asked.Load(); n < 100 {
						return fmt.Errorf("%d requests show nothing", n)
					}
					return nil
				})
				if got.code != exitFailed || !strings.Contains(got.stdout, "requests") {
					t.Fatalf("got %+v", got)
				}
				for _, want := range test.want {
					if !strings.Contains(got.stderr, want) {
						t.Errorf("no %q in:\n%s", want, got.stderr)
					}
				}
				var r bench.Report
				if format == "--json" && (json.Unmarshal([]byte(got.stdout), &r) != nil || !strings.Contains(r.Violation, test.want[0])) {
					t.Errorf("got %s", got.stdout)
				}
			}
		})
	}
}

func TestBenchCantStart(t *testing.T) {
	s := servers.StartNATS(t, nil)
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--nats-url", s.URL}, exitFailed, "start a worker, as seqd dev does"},
		{[]string{"--nats-url", "nats://127.0.0.1:1"}, exitFailed, "or name it with --nats-url"},
		{[]string{"--embedded", "--data-dir", "/does/not/exist"}, exitFailed, "choose another folder with --data-dir"},
		{[]string{"--embedded", "--workers", "0"}, exitUsage, "--workers must be at least 1"},
		{[]string{"a", "b", "c"}, exitUsage, `unexpected word "c"`},
		{[]string{"a b", "k"}, exitUsage, "store may hold"},
		{[]string{"a", ""}, exitUsage, "key must have 1 to 200 bytes"},
		{[]string{"--root", "a.b"}, exitUsage, "root may hold"},
		{[]string{"--callers", "0"}, exitUsage, "--callers must be at least 1"},
		{[]string{"--duration", "0s"}, exitUsage, "must be more than 0"},
		{[]string{"--mode", "fast"}, exitUsage, "mode must be strong or weak"},
		{[]string{"-n", "9999999999"}, exitUsage, "-n must be at most"},
		{[]string{"--workers", "2"}, exitUsage, "--workers needs --embedded beside it"},
		{[]string{"--lease", "3s"}, exitUsage, "--lease needs --embedded beside it"},
		{[]string{"--embedded", "--lease", "3ms"}, exitUsage, "--lease must be 0, or from 1s to 60s, not 3ms"},
		{[]string{"--data-dir", "."}, exitUsage, "--data-dir needs --embedded beside it"},
		{[]string{"--embedded", "--nats-url", "nats://h:1"}, exitUsage, "--nats-url and --embedded exclude each other"},
		{[]string{"compare", "word"}, exitUsage, `unexpected word "word"`},
		{[]string{"compare", "--peers", "redis"}, exitUsage, "--peers may hold echo, weak, strong, leased, relay, txn, jetstream, jetstream-sync"},
		{[]string{"compare", "--callers", "1,none"}, exitUsage, `--callers "none" is not a whole number of 1 or more`},
		{[]string{"compare", "--peers", "relay"}, exitUsage, "--peers relay needs --workers of 2 or more: one has nobody to pass requests on to"},
		{[]string{"compare", "--peers", "echo,echo"}, exitUsage, "--peers holds echo twice"},
		{[]string{"compare", "--workers", "4,4"}, exitUsage, "4 is named twice"},
		{[]string{"deployed", "--nats-url", s.URL, "--peers", "echo", "--slice", "1ms", "--warm", "0s", "--rounds", "1"}, exitFailed, "for the peer echo start seqd bench echo"},
		{[]string{"deployed", "--peers", "strong"}, exitUsage, "--peers: strong: store must"},
		{[]string{"deployed", "--peers", "echo:a"}, exitUsage, `--peers may hold echo, weak:STORE, strong:STORE and leased:STORE, not "echo:a"`},
		{[]string{"deployed", "--peers", "strong:a,strong:b"}, exitUsage, "--peers holds strong twice"},
		{[]string{"deployed", "--root", "a.b"}, exitUsage, "root may hold"},
		{[]string{"deployed", "--slice", "0s"}, exitUsage, "--slice and --timeout must be more than 0"},
		{[]string{"echo", "--nats-url", "nats://127.0.0.1:1"}, exitFailed, "or name it with --nats-url"},
		{[]string{"compare", "--rounds", "0"}, exitUsage, "--rounds and --connections must be at least 1"},
		{[]string{"compare", "--slice", "0s"}, exitUsage, "--slice and --timeout must be more than 0"},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			got := runSeqd(t, append([]string{"bench"}, test.args...)...)
			if got.code != test.code || !strings.Contains(got.stderr, test.want) {
				t.Errorf("got %+v, want exit %d and %q", got, test.code, test.want)
			}
		})
	}
}

func TestBenchCompare(t *testing.T) {
	skipIfShort(t)
	dir := t.TempDir()
	compare := []string{"bench", "compare", "--rounds", "1", "--data-dir", dir}
	var got result
	var c bench.Comparison
	pace.Enough(t, 100*time.Millisecond, func(slice time.Duration) error { // for an answer in each
		got = runSeqd(t, append(compare, "--slice", slice.String(), "--warm", "20ms", "--callers", "4", "--keys", "1,2", "--workers", "1,2", "--json")...)
		c = bench.Comparison{}
		if err := json.Unmarshal([]byte(got.stdout), &c); err != nil || got.code != exitOK {
			t.Fatalf("%v; got %+v", err, got)
		}
		for _, r := range c.Rows {
			if r.Requests == 0 || r.ToEcho == 0 {
				return fmt.Errorf("%s with %d workers under %v: %+v", r.ID, r.Workers, r.Load, r.Figures)
			}
		}
		return nil
	})
	if len(c.Rows) != 2*10 || c.Machine.Fsync == 0 || c.Violation != "" {
		t.Errorf("got %+v", c)
	}
	for _, r := range c.Rows {
		if len(r.Errors) > 0 {
			t.Errorf("%s with %d workers under %v: %+v", r.ID, r.Workers, r.Load, r.Figures)
		}
	}
	empty(t, dir)
}

// A running system is measured beside an echo that has a process of its own.
func TestBenchDeployed(t *testing.T) {
	var last atomic.Int64
	url := respond(t, func() int64 { return last.Add(1) })
	p := start(t, nil, "bench", "echo", "--nats-url", url)
	p.wait(t, p.stdout, `answering ech\.>`)
	pace.Enough(t, 100*time.Millisecond, func(slice time.Duration) error {
		got := runSeqd(t, "bench", "deployed", "--nats-url", url, "--peers", "echo,leased:bench", "--callers", "4", "--keys", "1", "--rounds", "1",
			"--slice", slice.String(), "--warm", "20ms", "--json")
		var c bench.Comparison
		if err := json.Unmarshal([]byte(got.stdout), &c); err != nil || got.code != exitOK || len(c.Rows) != 2 || c.OneProcess {
			t.Fatalf("%v; got %+v", err, got)
		}
		if r := c.Rows[1]; r.Requests == 0 || r.ToEcho == 0 || r.P50ToEcho == 0 || r.ID != "leased" || r.Peer != "seqd STRONG, leased" {
			return fmt.Errorf("%+v", r)
		}
		return nil
	})
	if code, _ := p.signal(t, os.Interrupt); code != exitOK {
		t.Errorf("exit %d; stderr:\n%s", code, p.stderr)
	}
}

// Ctrl-C ends it early, and it prints what it has.
func TestBenchInterrupted(t *testing.T) {
	var asked atomic.Int64
	enough := make(chan struct{})
	url := respond(t, func() int64 {
		n := asked.Add(1)
		if n == 20_000 {
			close(enough)
		}
		return n
	})
	p := start(t, nil, "bench", "--nats-url", url, "--mode", "strong", "--duration", "1h")
	select {
	case <-enough:
	case <-p.ended:
	}
	code, _ := p.signal(t, os.Interrupt)
	if code != exitOK || !strings.Contains(p.stdout.String(), "answers checked: unique and in order") {
		t.Errorf("exit %d; stdout:\n%s\nstderr:\n%s", code, p.stdout, p.stderr)
	}

	dir := t.TempDir()
	p = start(t, nil, "bench", "compare", "--peers", "echo,strong", "--callers", "4", "--keys", "1", "--slice", "10ms", "--warm", "1ms", "--rounds", "1000000", "--data-dir", dir)
	p.wait(t, p.stderr, `measuring`)
	if code, _ := p.signal(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("exit %d; stdout:\n%s\nstderr:\n%s", code, p.stdout, p.stderr)
	}
	empty(t, dir)
}
