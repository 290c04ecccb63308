package operate_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/allocator/etcd/history"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
)

// historyOf judges an etcd's history, and checks that doing so changes nothing.
func historyOf(t *testing.T, server *servers.Etcd, dir string) (history.Diagnosis, error) {
	t.Helper()
	return historyWithin(t, pace.Patience, server, dir)
}

func historyWithin(t *testing.T, d time.Duration, server *servers.Etcd, dir string) (history.Diagnosis, error) {
	t.Helper()
	before := remembered(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	h, err := operate.New(server.Connect(t), "").History(ctx, dir, "", []string{"http://" + server.Endpoint})
	if got := remembered(t, dir); got != before {
		t.Errorf("the state folder held %s, and holds %s", before, got)
	}
	return h, err
}

// remembered returns what stands in a state folder.
func remembered(t *testing.T, dir string) (text string) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text += file + string(data)
	}
	return text
}

// A history is judged as a worker does that starts now, and nothing is written.
func TestHistory(t *testing.T) {
	server, dir, empty := servers.StartEtcd(t), t.TempDir(), t.TempDir()
	h, err := historyOf(t, server, dir)
	if err != nil || h.Fence != nil || h.Lineage != "" || h.StateFiles != nil || h.Now.Rev != 1 {
		t.Errorf("a new etcd: %+v, %v", h, err)
	}

	c := etcdtest.Guarded(t, server, dir)
	if name := c.Lineage(); name != "" {
		t.Errorf("the name is known before anything was read: %s", name)
	}
	etcdtest.MustAdvance(t, c, key, 1, 1)
	backup := server.Backup(t)
	etcdtest.MustAdvance(t, c, key, 1, 2)
	c.Close()
	h, err = historyOf(t, server, dir)
	if err != nil || h.Fence != nil || h.Lineage == "" || h.Lineage != c.Lineage() || len(h.StateFiles) != 1 || h.Seen.Rev == 0 || h.Now.Rev <= h.Seen.Rev {
		t.Errorf("a good etcd, of %s: %+v, %v", c.Lineage(), h, err)
	}
	if again, err := historyOf(t, server, empty); err != nil || again.Fence != nil || again.StateFiles != nil || again.Now.Rev != h.Now.Rev {
		t.Errorf("without a memory: %+v, %v; before: %+v", again, err, h)
	}

	server.Restore(t, backup, 0)
	if h, err = historyOf(t, server, dir); err != nil || h.Fence == nil {
		t.Errorf("a restored backup: %+v, %v", h, err)
	}
	server.Replace(t)
	if h, err = historyOf(t, server, dir); err != nil || h.Fence == nil || !slices.Equal(h.Fence.Files, h.StateFiles) {
		t.Errorf("another etcd: %+v, %v", h, err)
	}

	if _, err := server.Connect(t).Put(t.Context(), "/seqd/v1/incarnation", `{"fmt":9}`); err != nil {
		t.Fatal(err)
	}
	if _, err = historyOf(t, server, dir); !errors.Is(err, allocator.ErrUnreadable) {
		t.Errorf("a record that is not understood: %v", err)
	}
	server.Stop()
	if _, err = historyWithin(t, time.Second, server, dir); !errors.Is(err, allocator.ErrUnavailable) {
		t.Errorf("no etcd: %v", err)
	}
}

func TestCompacted(t *testing.T) {
	server := servers.StartEtcd(t)
	client, admin := server.Connect(t), operate.New(server.Connect(t), "")
	want := func(compacted, now int64) {
		t.Helper()
		gotCompacted, gotNow, err := admin.Compacted(t.Context())
		if err != nil || gotCompacted != compacted || gotNow != now {
			t.Errorf("got %d, %d, %v, want %d, %d", gotCompacted, gotNow, err, compacted, now)
		}
	}
	want(0, 1)
	for range 9 {
		if _, err := client.Put(t.Context(), "/other", ""); err != nil {
			t.Fatal(err)
		}
	}
	want(0, 10)
	for _, rev := range []int64{1, 4, 10} {
		if _, err := client.Compact(t.Context(), rev); err != nil {
			t.Fatal(err)
		}
		if rev == 1 {
			rev = 0 // what was thrown away is nothing
		}
		want(rev, 10)
	}
	server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, _, err := admin.Compacted(ctx); !errors.Is(err, allocator.ErrUnavailable) {
		t.Errorf("no etcd: %v", err)
	}
}
