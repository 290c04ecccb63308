package integration_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/worker"
)

// load asks in both modes until its context ends, and records what it gets.
type load struct {
	history allocatortest.History
	issued  atomic.Int64 // answers with ids
	fenced  atomic.Int64 // answers FENCED
	nobody  atomic.Int64 // "no responders"
	other   atomic.Int64
	wg      sync.WaitGroup
	stop    func()
}

func startLoad(t testing.TB, server *servers.NATS, callers int) *load {
	t.Helper()
	client, err := seqd.New(server.Connect(t), seqd.WithTimeout(300*time.Millisecond), seqd.WithNoRespondersPatience(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	l := &load{}
	ctx, cancel := context.WithCancel(t.Context())
	l.stop = func() { cancel(); l.wg.Wait() }
	for caller := range callers {
		l.wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				key := allocator.Key{Store: "demo", Name: fmt.Sprint("key", (caller+i)%3)}
				op := allocatortest.Op{Key: key, Client: caller, Strong: i%2 == 0, Start: l.history.Now()}
				mode := seqd.Weak
				if op.Strong {
					mode = seqd.Strong
				}
				ids, err := client.NextN(t.Context(), key.Store, key.Name, 1+i%3, seqd.WithMode(mode))
				op.End = l.history.Now()
				switch {
				case err == nil:
					op.Ids = allocator.Range{First: ids.First, N: ids.N}
					l.history.Add(op)
					l.issued.Add(1)
					continue
				case errors.Is(err, seqd.ErrFenced):
					l.fenced.Add(1)
				case errors.Is(err, nats.ErrNoResponders):
					l.nobody.Add(1)
				default:
					l.other.Add(1)
				}
				time.Sleep(5 * time.Millisecond) // a caller that backs off
			}
		})
	}
	return l
}

// The worst fault for an id service: etcd is restored from a backup, under the
// same cluster id, beneath running workers. They answer FENCED, weak ids in
// memory too, and so does one that is started afterwards; when the counters have
// been raised they come back by themselves; and over both histories no id is
// issued twice, and none out of order.
func TestRestoredBackup(t *testing.T) {
	for _, bump := range []uint64{0, 1_000_000} {
		t.Run(fmt.Sprintf("bump-revision=%d", bump), func(t *testing.T) {
			server, db, dir := servers.StartNATS(t, nil), servers.StartEtcd(t), t.TempDir()
			for range 3 { // elections, as every cluster has had
				db.Stop()
				db.Start(t)
			}
			workers := []*running{runWorkerIn(t, server, db, dir), runWorkerIn(t, server, db, "")}
			for _, w := range workers {
				w.waitReady(t)
			}
			l := startLoad(t, server, 8)
			until(t, func() bool { return l.issued.Load() > 500 }, "no load")
			backup := db.Backup(t)
			before := l.issued.Load()
			until(t, func() bool { return l.issued.Load() > before+1000 }, "no load after the backup")
			db.Restore(t, backup, bump)

			for _, w := range workers {
				until(t, func() bool { return w.State() == worker.Fenced }, "a live worker is not fenced")
			}
			cold := runWorkerIn(t, server, db, dir)
			until(t, func() bool { return cold.State() == worker.Fenced }, "a worker that was started after is not fenced")
			workers = append(workers, cold)
			fencedAt := l.issued.Load()
			until(t, func() bool { return l.nobody.Load() > 20 }, "callers are not told")
			if n := l.issued.Load(); n != fencedAt {
				t.Errorf("%d requests got ids from fenced workers", n-fencedAt)
			}

			admin := operate.New(db.Connect(t), "")
			for _, err := range admin.JumpMarks(t.Context(), "", 1_000_000) {
				if err != nil {
					t.Fatal(err)
				}
			}
			if _, _, err := admin.Reincarnate(t.Context(), 1_000_000); err != nil {
				t.Fatal(err)
			}
			for _, w := range workers {
				until(t, func() bool { return w.State() == worker.Serving }, "a worker has not come back")
			}
			after := l.issued.Load()
			until(t, func() bool { return l.issued.Load() > after+1000 }, "no load after the jump")
			l.stop()
			for _, w := range workers {
				w.stop(t)
			}
			ops := l.history.Ops()
			if err := errors.Join(allocatortest.CheckUnique(ops), allocatortest.CheckStrong(ops)); err != nil {
				t.Error(err)
			}
			// Where only the term shows it, the workers have left the queue group, as
			// unavailable, before they are sure.
			if l.fenced.Load() == 0 && bump == 0 {
				t.Error("nobody was told FENCED")
			}
			t.Logf("%d operations; %d answers FENCED, %d no responders, %d others", len(ops), l.fenced.Load(), l.nobody.Load(), l.other.Load())
		})
	}
}

// until waits for what is sure to come.
func until(t testing.TB, holds func() bool, what string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
