package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/allocator/etcd/history"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
)

// ready probes c until an answer has come in time.
func ready(t testing.TB, c *etcd.Counter) (err error) {
	t.Helper()
	for deadline := time.Now().Add(pace.Patience); time.Now().Before(deadline); {
		if err = c.Ready(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	return err
}

func wantFenced(t testing.TB, c *etcd.Counter, why string) {
	t.Helper()
	for range 2 { // and it stays so
		if ids, err := c.Advance(t.Context(), key, 1); !errors.Is(err, allocator.ErrFenced) {
			t.Fatalf("Advance: got %v, %v, want ErrFenced", ids, err)
		}
	}
	if f := fenceOf(t, c); !strings.Contains(f.Error(), why) {
		t.Fatalf("Ready: got %v, want a fence that says %q", f, why)
	}
}

// fenceOf returns the fence that c's probe finds.
func fenceOf(t testing.TB, c *etcd.Counter) *history.Fence {
	t.Helper()
	err := ready(t, c)
	f, ok := errors.AsType[*history.Fence](err)
	if !ok || !errors.Is(err, allocator.ErrFenced) {
		t.Fatalf("Ready: got %v, want a fence", err)
	}
	return f
}

// jumpAll is what `seqd admin jump --all` does.
func jumpAll(t testing.TB, server *servers.Etcd, by int64) {
	t.Helper()
	a := operate.New(server.Connect(t), "")
	for _, err := range a.JumpMarks(t.Context(), "", by) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := a.Reincarnate(t.Context(), by); err != nil {
		t.Fatal(err)
	}
}

// issue advances keys and returns what was issued, as a history.
func issue(t testing.TB, h *allocatortest.History, c allocator.Counter, n int, keys ...allocator.Key) {
	t.Helper()
	for _, k := range keys {
		for range n {
			op := allocatortest.Op{Key: k, Strong: true, Start: h.Now()}
			var err error
			if op.Ids, err = c.Advance(t.Context(), k, 10); err != nil {
				t.Fatal(err)
			}
			op.End = h.Now()
			h.Add(op)
		}
	}
}

// An etcd that is restored from a backup under the same cluster id holds marks
// from before: everything issued since would be issued again. Whoever knows
// better must refuse, until the counters are raised; and then nothing is issued
// twice over both histories.
func TestRestoredBackupIsRefused(t *testing.T) {
	young := allocator.Key{Store: "demo", Name: "first used after the backup"}
	for _, test := range []struct {
		name      string
		bump      uint64 // --bump-revision
		elections int    // before the backup
		live      string // what a worker says that was there all the time
		cold      string // what one says that was started after, on the same machine
	}{
		{"revisions fall", 0, 0, "revision fell", "fell from"},
		{"revisions are bumped, raft's term falls", 1_000_000, 3, "fell", "incarnation fell"},
		{"revisions are bumped, the term never rose", 1_000_000, 0, "incarnation fell", "incarnation fell"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server, dir := servers.StartEtcd(t), t.TempDir()
			for range test.elections {
				server.Stop()
				server.Start(t)
			}
			live := etcdtest.Guarded(t, server, dir)
			var history allocatortest.History
			issue(t, &history, live, 3, key)
			backup := server.Backup(t)
			if err := ready(t, etcdtest.Guarded(t, server, "")); err != nil { // some worker starts, and so writes the record
				t.Fatal(err)
			}
			issue(t, &history, live, 3, key, young)
			if err := ready(t, live); err != nil {
				t.Fatal(err)
			}
			server.Restore(t, backup, test.bump)

			cold := etcdtest.Guarded(t, server, dir)
			if ids, err := cold.Advance(t.Context(), key, 1); !errors.Is(err, allocator.ErrFenced) {
				t.Fatalf("cold: got %v, %v, want ErrFenced", ids, err)
			}
			wantFenced(t, cold, test.cold)
			if strings.Contains(test.live, "incarnation") {
				_ = ready(t, live) // a worker's next probe; no answer's header shows it
			}
			eventuallyFenced(t, live)
			wantFenced(t, live, test.live)

			// Others write, and the revision passes what was known: no excuse.
			for i := range 50 {
				etcdtest.Put(t, server, "/other", fmt.Sprint(i))
			}
			_ = ready(t, etcdtest.Guarded(t, server, "")) // one that remembers nothing may even write the record
			wantFenced(t, cold, test.cold)
			wantFenced(t, live, test.live)
			wantFenced(t, etcdtest.Guarded(t, server, dir), "fell")

			jumpAll(t, server, 1000)
			for _, c := range []*etcd.Counter{live, cold, etcdtest.Guarded(t, server, dir), etcdtest.Guarded(t, server, "")} {
				if err := ready(t, c); err != nil {
					t.Fatalf("after the jump: %v", err)
				}
				issue(t, &history, c, 3, key, young)
			}
			if err := allocatortest.CheckUnique(history.Ops()); err != nil {
				t.Error(err)
			}
		})
	}
}

// eventuallyFenced has c ask until it is refused; meanwhile it must issue nothing.
func eventuallyFenced(t testing.TB, c *etcd.Counter) {
	t.Helper()
	for deadline := time.Now().Add(pace.Patience); time.Now().Before(deadline); {
		ids, err := c.Advance(soon(t), key, 1)
		switch {
		case err == nil:
			t.Fatalf("issued %v from a restored etcd", ids)
		case errors.Is(err, allocator.ErrFenced):
			return
		}
	}
	t.Fatal("was not fenced")
}

// What the guard can't see, written down: a worker that remembers nothing takes
// a restored etcd for what it is as long as the record does not contradict the
// cluster it came back in.
func TestRestoredBackupThatNobodyRemembers(t *testing.T) {
	server := servers.StartEtcd(t)
	etcdtest.MustAdvance(t, etcdtest.Guarded(t, server, ""), key, 10, 1)
	backup := server.Backup(t)
	etcdtest.MustAdvance(t, etcdtest.Guarded(t, server, ""), key, 10, 11)
	server.Restore(t, backup, 0)
	etcdtest.MustAdvance(t, etcdtest.Guarded(t, server, ""), key, 10, 11) // again!
}

// But one worker that knows better tells all, whatever they know: those that did
// not see the last revisions before the fault, and those that remember nothing.
func TestFenceIsToldToAll(t *testing.T) {
	server := servers.StartEtcd(t)
	witness, bystander := etcdtest.Guarded(t, server, ""), etcdtest.Guarded(t, server, "")
	etcdtest.MustAdvance(t, bystander, key, 10, 1)
	backup := server.Backup(t)
	etcdtest.MustAdvance(t, witness, key, 10, 11) // the bystander does not hear of it
	server.Restore(t, backup, 0)
	eventuallyFenced(t, witness)
	wantFenced(t, witness, "revision fell")

	_ = ready(t, bystander) // its next probe, a second later
	wantFenced(t, bystander, "a worker found that etcd's revision fell")
	wantFenced(t, etcdtest.Guarded(t, server, ""), "a worker found that etcd's revision fell")

	jumpAll(t, server, 100)
	for i, c := range []*etcd.Counter{witness, bystander, etcdtest.Guarded(t, server, "")} {
		if err := ready(t, c); err != nil {
			t.Fatal(err)
		}
		ids, err := c.Advance(t.Context(), key, 1)
		if err != nil || ids.First <= 20 {
			t.Errorf("worker %d after the jump: %v, %v", i, ids, err)
		}
	}
}

// But where there was an election before the backup, the record tells: a restore
// sets raft's term back to 1.
func TestRestoredBackupShowsByTheTerm(t *testing.T) {
	server := servers.StartEtcd(t)
	for range 3 {
		server.Stop()
		server.Start(t)
	}
	etcdtest.MustAdvance(t, etcdtest.Guarded(t, server, ""), key, 10, 1)
	server.Restore(t, server.Backup(t), 0)
	c := etcdtest.Guarded(t, server, "")
	eventuallyFenced(t, c)
	wantFenced(t, c, "term fell")
}

// An etcd that was wiped and set up anew under the same name.
func TestWipedEtcdIsRefused(t *testing.T) {
	server, dir := servers.StartEtcd(t), t.TempDir()
	live := etcdtest.Guarded(t, server, dir)
	etcdtest.MustAdvance(t, live, key, 10, 1)
	client := server.Connect(t)
	live.Close() // a worker that ends writes down how far it saw the history go
	for _, path := range []string{"/seqd/v1/incarnation", "/seqd/v1/counters/demo/key666"} {
		if _, err := client.Delete(t.Context(), path); err != nil {
			t.Fatal(err)
		}
	}
	cold := etcdtest.Guarded(t, server, dir)
	wantFenced(t, cold, "has lost the record")
	if got := etcdtest.Get(t, server, "/seqd/v1/incarnation"); got != "" {
		t.Errorf("a fenced worker wrote %s", got)
	}
	if f := fenceOf(t, cold); len(f.Files) != 1 || !strings.HasPrefix(f.Files[0], dir) {
		t.Errorf("the way out does not name the file in %s: %+v", dir, f)
	}

	// Where the ids don't matter: delete the file.
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("state files: %v, %v", files, err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	if err := ready(t, cold); err != nil {
		t.Fatal(err)
	}
	etcdtest.MustAdvance(t, cold, key, 10, 1)
}

// A jump that is too small for a key is made up for by what workers know to be
// spent.
func TestJumpThatIsTooSmall(t *testing.T) {
	server := servers.StartEtcd(t)
	c := etcdtest.Guarded(t, server, "")
	young := allocator.Key{Store: "demo", Name: "young"}
	etcdtest.MustAdvance(t, c, key, 10, 1)
	backup := server.Backup(t)
	etcdtest.MustAdvance(t, c, key, 1000, 11)
	etcdtest.MustAdvance(t, c, young, 1000, 1)
	server.Restore(t, backup, 0)
	wantFenced(t, c, "revision fell")
	jumpAll(t, server, 5)
	if err := ready(t, c); err != nil {
		t.Fatal(err)
	}
	etcdtest.MustAdvance(t, c, key, 1, 1011)
	etcdtest.MustAdvance(t, c, young, 1, 1001)
}

// When a fence has been answered, what was reserved before has been revoked: at
// the fence, and once more when an operator jumps.
func TestFenceRevokes(t *testing.T) {
	server := servers.StartEtcd(t)
	c := etcd.NewCounter(server.Connect(t), etcd.Config{})
	t.Cleanup(c.Close)
	var mu sync.Mutex
	revoked := 0
	c.Attach(allocator.Hooks{Revoke: func() { mu.Lock(); defer mu.Unlock(); revoked++ }})
	want := func(n int) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if revoked != n {
			t.Errorf("revoked %d times, want %d", revoked, n)
		}
	}
	etcdtest.MustAdvance(t, c, key, 10, 1)
	want(0)
	jumpAll(t, server, 100) // for caution
	if err := ready(t, c); err != nil {
		t.Fatal(err)
	}
	want(1)
	etcdtest.MustAdvance(t, c, key, 1, 111)
	server.Replace(t)
	wantFenced(t, c, "replaced by")
	want(2)
}
