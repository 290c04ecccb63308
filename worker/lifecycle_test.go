package worker_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

var key = allocator.Key{Store: "a", Name: "key"}

// Two workers share a queue group: each request is answered once, and the
// promises hold over both.
func TestTwoWorkersKeepThePromises(t *testing.T) {
	f := start(t, nil)
	f.worker(t, nil).waitReady(t)
	f.memory.Script(func(c allocatortest.Call) allocatortest.Fault {
		return allocatortest.Fault{Before: time.Duration(c.Seq%3) * 100 * time.Microsecond, After: time.Duration(c.Seq%2) * 200 * time.Microsecond}
	})
	var history allocatortest.History
	var wg sync.WaitGroup
	for client := range 16 {
		wg.Go(func() {
			for i := range 100 {
				mode := subjects.Strong
				if (client+i)%3 == 0 {
					mode = subjects.Weak
				}
				op := allocatortest.Op{Key: key, Client: client, Strong: mode == subjects.Strong, Start: history.Now()}
				var err error
				op.Ids, err = f.next(t, key, mode, 1+i%7)
				op.End = history.Now()
				if err != nil {
					t.Error(err)
					return
				}
				history.Add(op)
			}
		})
	}
	wg.Wait()
	// Which worker answered is not known here, so their own order is not checked.
	if err := errors.Join(allocatortest.CheckUnique(history.Ops()), allocatortest.CheckStrong(history.Ops())); err != nil {
		t.Error(err)
	}
	stats := f.stats(t)
	if len(stats) != 2 {
		t.Fatalf("%d workers answer discovery, want 2", len(stats))
	}
	total := 0
	for _, s := range stats {
		n := s.Endpoints[0].NumRequests
		if n < 100 {
			t.Errorf("worker %s had %d of 1600 requests", s.ID, n)
		}
		total += n
	}
	if total != 1600 {
		t.Errorf("%d requests were answered, want 1600: each once", total)
	}
}

// A key whose counter is slow delays no other key, on the same subscription.
func TestSlowKeyDelaysNobody(t *testing.T) {
	f := start(t, nil)
	var wg sync.WaitGroup
	slow := allocator.Key{Store: "a", Name: "slow"}
	release := f.memory.Stall(slow)
	for _, mode := range []subjects.Mode{subjects.Strong, subjects.Weak} {
		wg.Go(func() {
			if _, err := f.next(t, slow, mode, 1); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, func() bool { return len(f.memory.Calls()) == 2 }, "the slow requests did not get through")
	for _, mode := range []subjects.Mode{subjects.Strong, subjects.Weak} {
		if _, err := f.next(t, key, mode, 1); err != nil {
			t.Error(err)
		}
	}
	release()
	wg.Wait()
}

// Draining answers what was accepted, and takes nothing new.
func TestDrainAnswersWhatWasAccepted(t *testing.T) {
	f := start(t, nil)
	release := f.memory.Stall(key)
	const n = 50
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if _, err := f.next(t, key, subjects.Strong, 1); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, func() bool { return waiting(f.stats(t)) == n }, "not all requests were accepted")
	f.cancel()
	f.waitState(t, worker.Draining)
	eventually(t, func() bool {
		_, err := f.nc.Request("seq.a.other", nil, patience)
		return errors.Is(err, nats.ErrNoResponders)
	}, "a draining worker takes requests")
	release()
	wg.Wait()
	if err := f.stop(t); err != nil {
		t.Error(err)
	}
}

// What can't be answered with ids until the drain timeout gets an error.
func TestDrainTimeout(t *testing.T) {
	f := start(t, func(c *worker.Config) { c.DrainTimeout = 200 * time.Millisecond })
	release := f.memory.Stall(key)
	defer release()
	failed := make(chan error, 1)
	go func() {
		_, err := f.next(t, key, subjects.Strong, 1)
		failed <- err
	}()
	eventually(t, func() bool { return len(f.memory.Calls()) == 1 }, "the request did not get through")
	if err := f.stop(t); err != nil {
		t.Error(err)
	}
	if err := <-failed; !errors.Is(err, subjects.ErrUnavailable) {
		t.Errorf("got %v, want UNAVAILABLE", err)
	}
}

// counterHealth is a Ready that a test switches.
type counterHealth struct{ broken atomic.Bool }

func (h *counterHealth) ready(context.Context) error {
	if h.broken.Load() {
		return errors.New("out of order")
	}
	return nil
}

// A worker that can't serve leaves the queue group, stays discoverable, and
// comes back by itself.
func TestLeavesWhileItCantServe(t *testing.T) {
	var health counterHealth
	f := start(t, func(c *worker.Config) { c.Backends[0].Ready = health.ready })

	// Some weak ids are in memory: they are served although etcd is away.
	if _, err := f.next(t, key, subjects.Weak, 1); err != nil {
		t.Fatal(err)
	}
	health.broken.Store(true)
	f.memory.Script(func(allocatortest.Call) allocatortest.Fault {
		return allocatortest.Fault{Outcome: allocatortest.Refused}
	})
	if ids, err := f.next(t, key, subjects.Weak, 1); err != nil || ids.First != 2 {
		t.Errorf("got %v, %v, want the id from memory", ids, err)
	}
	if _, err := f.next(t, key, subjects.Strong, 1); !errors.Is(err, subjects.ErrUnavailable) {
		t.Errorf("got %v, want UNAVAILABLE", err)
	}
	f.waitState(t, worker.Unavailable)
	eventually(t, func() bool {
		_, err := f.nc.Request("seq.a.key", nil, patience)
		return errors.Is(err, nats.ErrNoResponders)
	}, "a worker that can't serve is in the queue group")
	if stats := f.stats(t); len(stats) != 1 || stats[0].Metadata["state"] != "unavailable" {
		t.Errorf("discovery: %+v", stats)
	}
	if !f.log.contains("left the queue group") {
		t.Error("nothing was logged")
	}

	f.memory.Script(nil)
	health.broken.Store(false)
	f.waitState(t, worker.Serving)
	if _, err := f.next(t, key, subjects.Strong, 1); err != nil {
		t.Error(err)
	}
}

// While weak ids in memory are asked for, a worker that can't reach its counters
// goes on with them, and refuses what it has none for; then it leaves.
func TestWeakGoesOnWhileStrongIsRefused(t *testing.T) {
	var health counterHealth
	f := start(t, func(c *worker.Config) {
		c.Backends[0].Ready = health.ready
		c.Backends[0].Stores[0].Segments = allocator.Segments{Min: 1000}
	})
	if _, err := f.next(t, key, subjects.Weak, 1); err != nil {
		t.Fatal(err)
	}
	health.broken.Store(true)
	f.memory.Script(func(allocatortest.Call) allocatortest.Fault {
		return allocatortest.Fault{Outcome: allocatortest.Refused}
	})
	weak := 1
	for begin := time.Now(); time.Since(begin) < 3*time.Second; weak++ {
		if _, err := f.next(t, key, subjects.Strong, 1); !errors.Is(err, subjects.ErrUnavailable) {
			t.Fatalf("got %v, want UNAVAILABLE", err)
		}
		if ids, err := f.next(t, key, subjects.Weak, 1); err != nil || ids.First != int64(weak+1) {
			t.Fatalf("got %v, %v after %d weak ids and %v, want the next one from memory", ids, err, weak, time.Since(begin))
		}
		time.Sleep(10 * time.Millisecond) // the load
	}
	f.waitState(t, worker.Unavailable) // nobody asks for weak ids any more
}

// A worker starts and waits while its counters or NATS are away.
func TestStartsBeforeItsServers(t *testing.T) {
	var health counterHealth
	health.broken.Store(true)
	f := &fixture{server: servers.StartNATS(t, nil), memory: &allocatortest.Memory{}, log: &logBuffer{}}
	f.server.Stop()
	f.running = f.worker(t, func(c *worker.Config) { c.Backends[0].Ready = health.ready })
	f.waitState(t, worker.Unavailable)
	f.server.Start(t)
	f.nc = f.server.Connect(t)
	eventually(t, func() bool { return len(f.stats(t)) == 1 }, "the worker did not come to NATS")
	if _, err := f.nc.Request("seq.a.key", nil, patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("got %v, want no responders", err)
	}
	health.broken.Store(false)
	f.waitReady(t)
	if _, err := f.next(t, key, subjects.Strong, 1); err != nil {
		t.Error(err)
	}
}

func TestComesBackWithNATS(t *testing.T) {
	f := start(t, nil)
	if _, err := f.next(t, key, subjects.Strong, 1); err != nil {
		t.Fatal(err)
	}
	f.server.Stop()
	f.waitState(t, worker.Disconnected)
	f.server.Start(t)
	f.waitState(t, worker.Serving)
	f.nc = f.server.Connect(t)
	if ids, err := f.next(t, key, subjects.Strong, 1); err != nil || ids.First != 2 {
		t.Errorf("got %v, %v, want 2", ids, err)
	}
	if err := f.stop(t); err != nil {
		t.Error(err)
	}
}

// A worker ends in time although NATS is away.
func TestDrainsWithoutNATS(t *testing.T) {
	f := start(t, nil)
	f.server.Stop()
	f.waitState(t, worker.Disconnected)
	begin, stalls := time.Now(), pace.WatchStalls(t)
	if err := f.stop(t); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin) - stalls.Since(begin); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// A worker whose account may not subscribe must say so, not look healthy.
func TestPermissionDenied(t *testing.T) {
	server := servers.StartNATS(t, func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "worker", Password: "w", Permissions: &server.Permissions{
				Subscribe: &server.SubjectPermission{Allow: []string{"$SRV.>"}},
			}},
			{Username: "caller", Password: "c"},
		}
	})
	f := &fixture{server: server, memory: &allocatortest.Memory{}, log: &logBuffer{}}
	f.nc = server.Connect(t, nats.UserInfo("caller", "c"))
	var probes atomic.Int64 // after each of them the worker tries to join
	f.running = f.worker(t, func(c *worker.Config) {
		c.Connect = func(options ...nats.Option) (*nats.Conn, error) {
			return nats.Connect(server.URL, append(options, nats.UserInfo("worker", "w"))...)
		}
		c.Backends[0].Ready = func(context.Context) error { probes.Add(1); return nil }
	})
	f.waitState(t, worker.Denied)
	if !f.log.contains("NATS refuses the subscription") || !f.log.contains(`seq.*.> seqd`) {
		t.Error("the log does not say what to allow")
	}
	// Not even for a moment: a probe of readiness could come in it.
	select {
	case <-f.Ready():
		t.Error("it was ready before it knew that it is denied")
	default:
	}
	if f.log.contains("joined the queue group") {
		t.Error("it says that it has joined")
	}
	// It tries again every second, and says so once.
	seen := probes.Load()
	eventually(t, func() bool { return probes.Load() >= seen+3 }, "it does not try again")
	if n := f.log.count("NATS refuses the subscription"); n != 1 {
		t.Errorf("the refusal is logged %d times", n)
	}
	if stats := f.stats(t); len(stats) != 1 || stats[0].Metadata["state"] != "denied" {
		t.Errorf("discovery: %+v", stats)
	}
}

func TestConfigErrors(t *testing.T) {
	backend := func(stores ...worker.Store) []worker.Backend {
		return []worker.Backend{{Name: "b", Counter: &allocatortest.Memory{}, Stores: stores}}
	}
	for want, config := range map[string]worker.Config{
		"worker: no store is configured":                                {},
		`worker: backend "b" has no Counter`:                            {Backends: []worker.Backend{{Name: "b", Stores: []worker.Store{{Name: "a"}}}}},
		`worker: store "a" is configured twice`:                         {Backends: backend(worker.Store{Name: "a"}, worker.Store{Name: "a"})},
		`worker: store "a": max_count must be between 1 and 4294967295`: {Backends: backend(worker.Store{Name: "a", MaxCount: -1})},
	} {
		if _, err := worker.New(config); fmt.Sprint(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
