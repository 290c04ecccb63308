package integration_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/integration/servers"
)

var sdkKey = allocator.Key{Store: "demo", Name: "key"}

// newClient returns a client with a connection of its own and patience for the
// race detector.
func newClient(tb testing.TB, server *servers.NATS, opts ...seqd.Option) *seqd.Client {
	tb.Helper()
	opts = append([]seqd.Option{seqd.WithTimeout(patience)}, opts...)
	client, err := seqd.New(server.Connect(tb, seqd.ConnectOptions()...), opts...)
	if err != nil {
		tb.Fatal(err)
	}
	return client
}

func newSequence(tb testing.TB, client *seqd.Client, key string, opts ...seqd.SequenceOption) *seqd.Sequence {
	tb.Helper()
	s, err := client.Sequence("demo", key, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

// asker asks again and again until a test's time is up.
type asker struct {
	client    int
	strong    bool
	impatient bool // its contexts often end before the answer
	next      func(ctx context.Context, n int) (seqd.Range, error)
}

// run adds to h what the asker got. end ends it.
func (a asker) run(end context.Context, t *testing.T, h *allocatortest.History, key allocator.Key) {
	rnd := rand.New(rand.NewPCG(rand.Uint64(), uint64(a.client)))
	for end.Err() == nil {
		ctx, cancel := t.Context(), context.CancelFunc(func() {})
		if a.impatient {
			ctx, cancel = context.WithTimeout(ctx, time.Duration(rnd.Int64N(int64(2*time.Millisecond))))
		}
		op := allocatortest.Op{Key: key, Client: a.client, Strong: a.strong, Start: h.Now()}
		ids, err := a.next(ctx, 1+max(0, rnd.IntN(10)-7))
		op.End, op.Ids = h.Now(), allocator.Range{First: ids.First, N: ids.N}
		cancel()
		switch {
		case err == nil:
			h.Add(op)
		case !a.impatient || !errors.Is(err, context.DeadlineExceeded):
			t.Error(err)
			return
		}
	}
}

// Sequences of two clients, a client without one, callers that give up all the
// time, and workers that come and go: every id is unique, and no STRONG id is
// below one that was known before.
func TestSequencePromises(t *testing.T) {
	for _, tt := range []struct {
		name   string
		mode   seqd.Mode
		client []seqd.Option
		opts   []seqd.SequenceOption
	}{
		{name: "strong", mode: seqd.Strong},
		{name: "strong, own inbox", mode: seqd.Strong, client: []seqd.Option{seqd.WithOwnInbox()}},
		{name: "weak", mode: seqd.Weak},
		{name: "prefetch", mode: seqd.Weak, opts: []seqd.SequenceOption{seqd.WithPrefetch(1000)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
			startWorker(t, server, db)
			startWorker(t, server, db)
			opts := append(tt.opts, seqd.WithMode(tt.mode))
			a := newSequence(t, newClient(t, server, tt.client...), "key", opts...)
			b := newSequence(t, newClient(t, server, tt.client...), "key", opts...)
			plain := newClient(t, server)

			var h allocatortest.History
			end, cancel := context.WithCancel(t.Context())
			defer cancel()
			var wg sync.WaitGroup
			for i := range 96 {
				c := asker{client: i, strong: tt.mode == seqd.Strong, next: a.NextN}
				switch i % 8 {
				case 0, 1:
					mode := []seqd.Mode{seqd.Strong, seqd.Weak}[i%2]
					c.strong = mode == seqd.Strong
					c.next = func(ctx context.Context, n int) (seqd.Range, error) {
						return plain.NextN(ctx, "demo", "key", n, seqd.WithMode(mode))
					}
				case 2:
					c.next = b.NextN
				case 3:
					c.impatient = true
				}
				wg.Go(func() { c.run(end, t, &h, sdkKey) })
			}
			restarts := comeAndGo(t, server, db, 1500*time.Millisecond, &h)
			cancel()
			wg.Wait()
			ops := h.Ops()
			if err := errors.Join(allocatortest.CheckUnique(ops), allocatortest.CheckStrong(ops)); err != nil {
				t.Error(err)
			}
			t.Logf("%d operations, %d workers came and went", len(ops), restarts)
		})
	}
}

// With one worker the ids of a sequence with a stock increase in the order in
// which they are handed out, and it leaves no goroutine behind.
func TestSequencePrefetchOrder(t *testing.T) {
	server, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	startWorker(t, server, db)
	client := newClient(t, server)
	if _, err := client.Next(t.Context(), "demo", "other"); err != nil { // what a connection needs is there
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	s := newSequence(t, client, "key", seqd.WithPrefetch(10_000))
	var h allocatortest.History
	end, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	for i := range 64 {
		c := asker{client: i, strong: true, impatient: i%4 == 0, next: s.NextN}
		wg.Go(func() { c.run(end, t, &h, sdkKey) })
	}
	wg.Wait()
	if err := h.Check(); err != nil {
		t.Error(err)
	}
	s.Close()
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

// What callers of one sequence see of trouble in a real etcd: all the same.
func TestSequenceErrorsOfARealEtcd(t *testing.T) {
	server, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	startWorker(t, server, db)
	client := newClient(t, server, seqd.WithMode(seqd.Strong))
	kv := db.Connect(t)
	const path, callers = "/seqd/v1/counters/demo/", 64
	put := func(key, value string) {
		t.Helper()
		if _, err := kv.Put(t.Context(), path+key, value); err != nil {
			t.Fatal(err)
		}
	}
	// all has the callers ask for an id each, and counts who got one; the others
	// must get want.
	all := func(s *seqd.Sequence, want error) int {
		t.Helper()
		var served atomic.Int64
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				id, err := s.Next(t.Context())
				switch {
				case err == nil:
					served.Add(1)
				case !errors.Is(err, want) || id != 0:
					t.Errorf("got %d, %v, want %v", id, err, want)
				}
			})
		}
		wg.Wait()
		return int(served.Load())
	}

	put("unreadable", `{"fmt":2}`)
	if n := all(newSequence(t, client, "unreadable"), seqd.ErrInternal); n > 0 {
		t.Errorf("unreadable record: %d ids", n)
	}
	put("end", fmt.Sprintf(`{"fmt":1,"last":%d,"by":"x"}`, int64(math.MaxInt64-20)))
	if n := all(newSequence(t, client, "end"), seqd.ErrExhausted); n != 20 {
		t.Errorf("the last 20 ids: %d were handed out", n)
	}
	deleted := newSequence(t, client, "deleted")
	if n := all(deleted, nil); n != callers {
		t.Errorf("%d of %d callers got an id", n, callers)
	}
	if _, err := kv.Delete(t.Context(), path+"deleted"); err != nil {
		t.Fatal(err)
	}
	if n := all(deleted, seqd.ErrFenced); n > 0 {
		t.Errorf("deleted record: %d ids", n)
	}

	s := newSequence(t, client, "other", seqd.WithTimeout(700*time.Millisecond))
	stocked := newSequence(t, client, "stocked", seqd.WithMode(seqd.Weak), seqd.WithPrefetch(1000))
	for range 2000 {
		if _, err := stocked.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	db.Stop()
	if n := all(s, context.DeadlineExceeded); n > 0 {
		t.Errorf("without etcd: %d ids", n)
	}
	if n := all(stocked, nil); n != callers {
		t.Errorf("without etcd, from stock: %d ids, want %d", n, callers)
	}
	db.Start(t)
	patient := newSequence(t, client, "other")
	if n := all(patient, nil); n != callers {
		t.Errorf("etcd is back: %d ids, want %d", n, callers)
	}
}
