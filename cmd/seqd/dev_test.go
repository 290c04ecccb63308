//go:build !lean

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/seqd-io/seqd/cmd/seqd/embedded"
	"github.com/seqd-io/seqd/integration/pace"
)

// startDev starts `seqd dev` on free ports and returns its NATS URL and HTTP
// address.
func startDev(t *testing.T, dir string, more ...string) (p *process, natsURL, httpAddr string) {
	t.Helper()
	p = start(t, nil, append([]string{"dev", "--data-dir", dir, "--nats-port", "0", "--etcd-port", "0", "--http-port", "0"}, more...)...)
	m := p.wait(t, p.stdout, `(?m)^ready nats=(nats://127\.0\.0\.1:\d+) etcd=http://127\.0\.0\.1:\d+ http=http://(127\.0\.0\.1:\d+)\ntry: (.+)\n`)
	if want := " next demo key666 -n 10 --nats-url " + m[1]; !strings.HasSuffix(m[3], want) {
		t.Errorf("the request to paste is %q, not …%q", m[3], want)
	}
	return p, m[1], m[2]
}

// wantIDs asks with `seqd next` and checks what it printed.
func wantIDs(t *testing.T, natsURL, want string, args ...string) {
	t.Helper()
	args = append([]string{"next", "--nats-url", natsURL, "--timeout", patience.String()}, args...)
	begin := time.Now()
	got := runSeqd(t, args...)
	// Who had no answer in time has asked again: the ids of the answer that came
	// too late are a gap, here and for those who ask later.
	if tries := int64(time.Since(begin) / attemptTimeout); tries > 0 {
		value, _ := gaps.LoadOrStore(natsURL, new(atomic.Int64))
		value.(*atomic.Int64).Add(tries * int64(strings.Count(want, "\n")))
	}
	if got != (result{exitOK, want, ""}) && !afterGap(natsURL, want, got) {
		t.Errorf("%q: got %+v, want %q", args, got, want)
	}
}

// attemptTimeout is how long a client waits for an answer before it asks again.
const attemptTimeout = 500 * time.Millisecond

// gaps holds for each nats-server how many ids may be missing, an *atomic.Int64,
// where calls took so long that they may have asked twice.
var gaps sync.Map

// afterGap reports whether a call got as many ids in a row as it was to get, above
// those by no more than may be missing.
func afterGap(natsURL, want string, got result) bool {
	missing, ok := gaps.Load(natsURL)
	wanted, had := strings.Fields(want), strings.Fields(got.stdout)
	if !ok || got.code != exitOK || got.stderr != "" || len(had) != len(wanted) {
		return false
	}
	first, shift := int64(0), int64(0)
	for i := range wanted {
		w, err1 := strconv.ParseInt(wanted[i], 10, 64)
		h, err2 := strconv.ParseInt(had[i], 10, 64)
		if i == 0 {
			first, shift = h, h-w
		}
		if err1 != nil || err2 != nil || h != first+int64(i) {
			return false
		}
	}
	return 0 <= shift && shift <= missing.(*atomic.Int64).Load()
}

func TestDev(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p, natsURL, httpAddr := startDev(t, dir)

	wantIDs(t, natsURL, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n", "demo", "key666", "-n", "10")
	wantIDs(t, natsURL, "1\n2\n", "-n", "2", "demo", "strong", "--mode", "strong")
	wantIDs(t, natsURL, "{\"id\":\"1\",\"n\":3}\n", "demo", "发票/2026 a..b", "-n", "3", "--format", "json")
	wantIDs(t, natsURL, "1\n", "any_store", "--", "-key")
	if got := runSeqd(t, "health", "--http-addr", httpAddr); got != (result{exitOK, "serving\n", ""}) {
		t.Errorf("health: %+v", got)
	}
	stalls, begin := pace.WatchStalls(t), time.Now()
	if code, took := p.signal(t, os.Interrupt); code != exitOK || took > 5*time.Second+stalls.Since(begin) {
		t.Errorf("Ctrl-C: exit %d after %v; stderr:\n%s", code, took, p.stderr)
	}

	// Started again, ids go on: STRONG exactly, WEAK after what was reserved.
	p, natsURL, _ = startDev(t, dir)
	wantIDs(t, natsURL, "3\n", "demo", "strong", "--mode", "strong")
	wantIDs(t, natsURL, "11\n", "demo", "key666")
	if code, _ := p.signal(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("SIGTERM: exit %d", code)
	}

	// Killed, it has lost nothing it said.
	p, natsURL, _ = startDev(t, dir)
	wantIDs(t, natsURL, "4\n", "demo", "strong", "--mode", "strong")
	p.signal(t, syscall.SIGKILL)
	p, natsURL, _ = startDev(t, dir)
	wantIDs(t, natsURL, "5\n", "demo", "strong", "--mode", "strong")
	p.signal(t, os.Interrupt)
}

// With a lease ids come from memory. Killed, it still owns its keys: once the lease
// has ended they are taken over, and ids go on above all that were given out.
func TestDevWithALease(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	file := put(t, filepath.Join(t.TempDir(), "seqd.yaml"), "stores: {'*': {mode: strong, strong: {lease: 1s}}}")
	p, natsURL, _ := startDev(t, dir, "--config", file)
	wantIDs(t, natsURL, "1\n2\n3\n", "demo", "key", "-n", "3")
	wantIDs(t, natsURL, "4\n", "demo", "key", "--mode", "weak")
	p.signal(t, syscall.SIGKILL)
	p, natsURL, _ = startDev(t, dir, "--config", file)
	got := runSeqd(t, "next", "--nats-url", natsURL, "--timeout", patience.String(), "demo", "key")
	if id, err := strconv.ParseInt(strings.TrimSpace(got.stdout), 10, 64); err != nil || id <= 4 {
		t.Errorf("got %+v after 4", got)
	}
	if code, _ := p.signal(t, os.Interrupt); code != exitOK {
		t.Errorf("Ctrl-C: exit %d; stderr:\n%s", code, p.stderr)
	}
}

// Whatever keeps dev from starting is one line that names the flag to change.
func TestDevCantStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := fmt.Sprint(taken.Addr().(*net.TCPAddr).Port)

	inUse := t.TempDir()
	unlock, err := embedded.LockDataDir(inUse)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	for _, test := range []struct {
		name, flag, value, want string
	}{
		{"nats port", "--nats-port", port, "nats port " + port + " can't be listened on"},
		{"etcd port", "--etcd-port", port, "etcd port " + port + " can't be listened on"},
		{"http port", "--http-port", port, "http port " + port + " can't be listened on"},
		{"impossible port", "--nats-port", "70000", "nats port 70000"},
		{"folder in use", "--data-dir", inUse, "in use by another process"},
		{"no folder", "--data-dir", filepath.Join(file, "x"), "not a directory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := []string{"dev", "--data-dir", t.TempDir(), "--nats-port", "0", "--etcd-port", "0", "--http-port", "0", test.flag, test.value}
			got := runSeqd(t, args...)
			if got.code != exitFailed || got.stdout != "" || strings.Count(got.stderr, "\n") != 1 ||
				!strings.Contains(got.stderr, test.want) || !strings.Contains(got.stderr, test.flag) {
				t.Errorf("got %+v, want one line with %q and %q", got, test.want, test.flag)
			}
		})
	}
}
