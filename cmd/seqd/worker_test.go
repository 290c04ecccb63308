//go:build !lean

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seqd-io/seqd/integration/servers"
)

// Two workers against an outside nats-server and etcd, ended one after the
// other: ids flow until the last one is gone.
func TestWorker(t *testing.T) {
	nats, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	file := filepath.Join(t.TempDir(), "seqd.yaml")
	config := fmt.Sprintf(`
nats: {url: %s}
etcd: {endpoints: [%s]}
stores:
  orders:
    mode: strong
    keys: {"invoice no": {bigger_than: 1000}}
`, nats.URL, db.Endpoint)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	first := start(t, []string{"SEQD_HTTP_ADDR=none"}, "worker", "--config", file)
	first.wait(t, first.stderr, "joined the queue group")
	second := start(t, nil, "worker", "--config", file, "--http-addr", "127.0.0.1:0")
	second.wait(t, second.stderr, "joined the queue group")

	for i := range 10 {
		wantIDs(t, nats.URL, fmt.Sprintln(i+1), "orders", "key")
	}
	wantIDs(t, nats.URL, "1001\n", "orders", "invoice no")
	if code, _ := first.signal(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("SIGTERM: exit %d; stderr:\n%s", code, first.stderr)
	}
	wantIDs(t, nats.URL, "11\n", "orders", "key")
	if code, _ := second.signal(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("SIGTERM: exit %d; stderr:\n%s", code, second.stderr)
	}

	begin := time.Now()
	got := runSeqd(t, "next", "orders", "key", "--nats-url", nats.URL, "--timeout", "1h") // which is not waited for
	if got.code != exitFailed || !strings.Contains(got.stderr, "no responders") || time.Since(begin) > patience {
		t.Errorf("without a worker: %+v after %v", got, time.Since(begin))
	}
}

// A worker starts before its servers, and comes back with each of them.
func TestWorkerWaitsForItsServers(t *testing.T) {
	t.Parallel()
	nats, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	nats.Stop()
	db.Stop()
	p := start(t, []string{"NATS_URL=" + nats.URL, "SEQD_ETCD_ENDPOINTS=" + db.Endpoint}, "worker", "--http-addr", "none")
	p.wait(t, p.stderr, "NATS is not reachable; waiting for it")
	p.wait(t, p.stderr, `level=INFO msg="not serving yet`)
	nats.Start(t)
	p.wait(t, p.stderr, "connected to NATS")
	db.Start(t)
	p.wait(t, p.stderr, "joined the queue group")
	wantIDs(t, nats.URL, "1\n", "demo", "key", "--mode", "strong")

	db.Stop()
	got := runSeqd(t, "next", "demo", "key", "--mode", "strong", "--nats-url", nats.URL, "--timeout", "300ms")
	if got.code != exitFailed {
		t.Errorf("without etcd: %+v", got)
	}
	p.wait(t, p.stderr, "left the queue group")
	db.Start(t)
	p.wait(t, p.stderr, `(?s)left the queue group.*joined the queue group`)
	got = runSeqd(t, "next", "demo", "key", "--mode", "strong", "--nats-url", nats.URL, "--format", "json")
	if got.code != exitOK {
		t.Errorf("etcd is back: %+v", got)
	}

	nats.Stop()
	p.wait(t, p.stderr, "disconnected from NATS")
	nats.Start(t)
	p.wait(t, p.stderr, "reconnected to NATS")
	got = runSeqd(t, "next", "demo", "key", "--mode", "strong", "--nats-url", nats.URL, "--format", "json")
	if got.code != exitOK {
		t.Errorf("NATS is back: %+v", got)
	}
	if code, _ := p.signal(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("SIGTERM: exit %d", code)
	}
}
