package integration_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/integration/servers"
)

// BenchmarkMillionKeys asks a worker, as a process of its own, for one WEAK id
// of each of a million keys, and then of 300 000 more than it may hold, and
// reports its resident memory after each. It takes about a minute.
//
//	go test ./integration -run '^$' -bench MillionKeys -benchtime 1x
func BenchmarkMillionKeys(b *testing.B) {
	if testing.Short() {
		b.Skip("a minute of its own")
	}
	server := servers.StartNATS(b, nil)
	db := servers.StartEtcdWith(b, func(c *embed.Config) {
		c.UnsafeNoFsync = true
		c.QuotaBackendBytes = 8 << 30
	})
	program := filepath.Join(b.TempDir(), "seqd")
	if out, err := exec.Command("go", "build", "-o", program, "../cmd/seqd").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	worker := exec.Command(program, "worker", "--nats-url", server.URL, "--etcd-endpoints", db.Endpoint, "--http-addr", "none", "--state-dir", "none", "--log-level", "error")
	worker.Env = append(os.Environ(), "XDG_STATE_HOME="+b.TempDir()) // a fence of this machine's is none of the test's
	worker.Stderr = os.Stderr
	if err := worker.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = worker.Process.Kill() // an ended process is none to kill
		_ = worker.Wait()
	})
	nc := server.Connect(b)
	deadline := time.Now().Add(patience)
	for ready := false; !ready; {
		_, err := nc.Request("seq.bench.ready", nil, time.Second)
		ready = err == nil
		if time.Now().After(deadline) {
			b.Fatal("the worker did not get ready: ", err)
		}
	}

	var key atomic.Int64
	ask := func(upTo int64) {
		var wg sync.WaitGroup
		for range 512 {
			wg.Go(func() {
				for i := key.Add(1); i <= upTo; i = key.Add(1) {
					if m, err := nc.Request(fmt.Sprintf("seq.orders.customer-%07d", i), nil, patience); err != nil || len(m.Data) != 20 {
						b.Errorf("key %d: %v, %v", i, m, err)
						return
					}
				}
			})
		}
		wg.Wait()
		key.Store(upTo)
	}
	for b.Loop() {
		ask(1_000_000)
		b.ReportMetric(resident(b, worker.Process.Pid), "MB-at-1000000-keys")
		ask(1_300_000)
		b.ReportMetric(resident(b, worker.Process.Pid), "MB-at-1300000-keys")
	}
}

// resident returns a process's resident memory in MB of 10⁶ bytes.
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		b.Fatal(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(status), &size, &pages); err != nil {
		b.Fatal(err)
	}
	return float64(pages*os.Getpagesize()) / 1e6
}
