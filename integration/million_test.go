package integration_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/internal/backoff"
	"github.com/seqd-io/seqd/subjects"
)

// BenchmarkMillionKeys asks a worker, as a process of its own, for one id of each
// of a million keys, and then of 300 000 more than it may hold, and reports its
// resident memory after each: first WEAK ids, then those of a store whose keys the
// worker owns. The lease is long, as keys that nobody asks for are let go of after
// some twenty leases. It takes about two minutes.
//
//	go test ./integration -run '^$' -bench MillionKeys -benchtime 1x
func BenchmarkMillionKeys(b *testing.B) {
	if testing.Short() {
		b.Skip("two minutes of its own")
	}
	b.Run("weak", func(b *testing.B) { millionKeys(b, "0") })
	b.Run("leased", func(b *testing.B) { millionKeys(b, "60s") })
}

func millionKeys(b *testing.B, lease string) {
	server := servers.StartNATS(b, nil)
	db := servers.StartEtcdWith(b, func(c *embed.Config) {
		c.UnsafeNoFsync = true
		c.QuotaBackendBytes = 8 << 30
	})
	program := filepath.Join(b.TempDir(), "seqd")
	if out, err := exec.Command("go", "build", "-o", program, "../cmd/seqd").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	config := filepath.Join(b.TempDir(), "seqd.yaml")
	if err := os.WriteFile(config, []byte("stores: {'*': {strong: {lease: "+lease+"}}}\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	worker := exec.Command(program, "worker", "--config", config, "--nats-url", server.URL, "--etcd-endpoints", db.Endpoint, "--http-addr", "none", "--state-dir", "none", "--log-level", "error")
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
					if err := oneID(b.Context(), nc, fmt.Sprintf("seq.orders.customer-%07d", i)); err != nil {
						b.Errorf("key %d: %v", i, err)
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

// oneID asks for an id until it gets one, where the answer is that etcd has more
// to do than it can, or is late, so that the worker has left its queue group: this
// machine may have more to do, too.
func oneID(ctx context.Context, nc *nats.Conn, subject string) error {
	for end := time.Now().Add(patience); ; {
		m, err := nc.Request(subject, nil, patience)
		if err == nil {
			_, err = subjects.DecodeReply(m.Header, m.Data)
		}
		again := errors.Is(err, subjects.ErrBusy) || errors.Is(err, subjects.ErrUnavailable) || errors.Is(err, nats.ErrNoResponders)
		if !again || time.Now().After(end) || !backoff.Sleep(ctx, 50*time.Millisecond) {
			return err
		}
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
