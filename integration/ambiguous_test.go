package integration_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
)

// Three times etcd does what it is asked, and its answers are lost on the way:
// what it reserved meanwhile is a gap, and nothing is issued twice or out of
// order.
func TestLostAnswersAreGaps(t *testing.T) {
	server, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	proxy := servers.StartProxy(t, db.Endpoint)
	startWorkerAt(t, server, proxy.Addr)
	key := allocator.Key{Store: "demo", Name: "key"}
	const callers = 24

	var history allocatortest.History
	var wg sync.WaitGroup
	var unavailable atomic.Int64
	done := make(chan struct{})
	for caller := range callers {
		nc := server.Connect(t)
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				op := allocatortest.Op{Key: key, Client: caller, Strong: true, Start: history.Now()}
				id, err := askOnce(nc, key, subjects.Strong)
				op.End = history.Now()
				switch {
				case err == nil:
					op.Ids = allocator.Range{First: id, N: 1}
					history.Add(op)
				case errors.Is(err, subjects.ErrUnavailable):
					unavailable.Add(1)
				case errors.Is(err, nats.ErrNoResponders): // it has left the queue group
					unavailable.Add(1)
					time.Sleep(20 * time.Millisecond) // the caller's pause
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	const faults, between = 3, 100
	flow := func() { // until ids have been issued again
		t.Helper()
		before := len(history.Ops())
		until(t, func() bool { return len(history.Ops()) >= before+between }, "no ids are issued")
	}
	for range faults {
		flow()
		proxy.DropResponses()
		time.Sleep(1500 * time.Millisecond)
		proxy.Cut() // the answers that were kept back are lost
		proxy.Heal()
	}
	flow()
	close(done)
	wg.Wait()

	if err := errors.Join(allocatortest.CheckUnique(history.Ops()), allocatortest.CheckStrong(history.Ops())); err != nil {
		t.Error(err)
	}
	last, err := etcd.NewCounter(db.Connect(t), etcd.Config{}).Advance(t.Context(), key, 1)
	if err != nil {
		t.Fatal(err)
	}
	issued := int64(len(history.Ops()))
	gap := last.First - 1 - issued
	// A fault spoils the transactions that were under way when it began, and
	// those that end with their second: no more than three, of no more than all
	// callers' ids.
	budget := int64(faults * 3 * callers)
	t.Logf("%d issued, %d in the gaps of %d allowed, %d requests unavailable", issued, gap, budget, unavailable.Load())
	if gap < 1 || gap > budget {
		t.Errorf("%d ids are in gaps, want 1 to %d", gap, budget)
	}
}
