// Package workertest runs workers in the tests of those who watch them.
package workertest

import (
	"context"
	"testing"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/worker"
)

// Run runs w until the test ends, and returns when it has served every store.
func Run(t testing.TB, w *worker.Worker) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-w.Ready():
	case <-time.After(pace.Patience):
		t.Fatalf("the worker did not get ready: it is %s", w.State())
	}
}
