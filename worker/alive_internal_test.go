package worker

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// A worker that stood still, and finds NATS gone when it goes on, waits for it:
// it goes round.
func TestCatchingUpWithoutNATSIsNotStalled(t *testing.T) {
	w, err := New(Config{Backends: []Backend{{Counter: &allocatortest.Memory{}, Stores: []Store{{Name: "a"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect("nats://127.0.0.1:1", nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	w.nc.Store(nc)
	defer w.conn().Close()
	w.started = w.started.Add(-time.Hour)
	w.pulse.latest.Store(1)

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); w.watchPauses(ctx) }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	seen := map[int64]bool{}
	for deadline := time.Now().Add(20 * time.Second); len(seen) < 4 && time.Now().Before(deadline); <-tick.C {
		seen[w.pauseLoop.latest.Load()] = true
	}
	if len(seen) < 4 {
		t.Errorf("it went round %d times", len(seen))
	}
	cancel()
	<-ended
	if w.pauses.Load() != 1 {
		t.Errorf("%d pauses, want one: it has not caught up before", w.pauses.Load())
	}
}
