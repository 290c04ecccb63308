package worker_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/worker"
)

// A loop that stands still is noticed, and which; one that is slow, or whose
// servers are away, is not one.
func TestStalled(t *testing.T) {
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	defer free()
	stuck := make(chan struct{})
	f := start(t, func(c *worker.Config) {
		c.Backends = append(c.Backends, worker.Backend{
			Name: "other", Counter: &allocatortest.Memory{}, Stores: []worker.Store{{Name: "other"}},
			Ready: func(context.Context) error { // it should heed its context
				select {
				case <-stuck:
					<-release // closed by the test's end at the latest
				default:
				}
				return nil
			},
		})
	})
	w := f.Worker
	if err := w.Stalled(time.Minute); err != nil {
		t.Error("it has just begun:", err)
	}
	close(stuck)
	const limit = 3 * time.Second
	eventually(t, func() bool {
		err := w.Stalled(limit)
		return err != nil && strings.Contains(err.Error(), "counters at other")
	}, "that it stands still was not noticed")
	if err := w.Stalled(time.Hour); err != nil {
		t.Error(err)
	}
	free()
	eventually(t, func() bool { return w.Stalled(limit) == nil }, "that it goes round again was not noticed")

	f.server.Stop()
	begin := time.Now()
	eventually(t, func() bool { return time.Since(begin) > limit+time.Second }, "time stands still")
	eventually(t, func() bool { return w.Stalled(limit) == nil }, "without NATS it counts as stalled: %v", w.Stalled(limit))

	if err := f.stop(t); err != nil {
		t.Fatal(err)
	}
	if err := w.Stalled(0); err != nil {
		t.Error("it has ended:", err)
	}
}
