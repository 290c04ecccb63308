package etcd_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/integration/servers"
)

// counterAt returns a Counter of a client that spells the endpoint in its way.
func counterAt(t testing.TB, endpoint string, config etcd.Config) *etcd.Counter {
	t.Helper()
	client, err := dial.Open(t.Context(), dial.Config{Endpoints: []string{endpoint}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if config.Log == nil {
		config.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	c := etcd.NewCounter(client, config)
	t.Cleanup(c.Close)
	return c
}

// Two workers, one told /seqd and the other /seqd/, issued the same ids.
func TestPrefixWithASlash(t *testing.T) {
	server := servers.StartEtcd(t)
	for i, prefix := range []string{"/seqd", "/seqd/", "", "/seqd//"} {
		etcdtest.MustAdvance(t, counterAt(t, server.Endpoint, etcd.Config{Prefix: prefix}), key, 1, int64(i+1))
	}
	m, err := operate.New(server.Connect(t), "/seqd/").Peek(t.Context(), key)
	if err != nil || m.Last != 4 {
		t.Errorf("got %+v, %v", m, err)
	}
}

// seedElsewhere writes what a worker of an older version left below a prefix.
func seedElsewhere(t testing.TB, server *servers.Etcd, prefix string, floor int64, marks map[string]int64) {
	t.Helper()
	etcdtest.Put(t, server, prefix+"/v1/incarnation", fmt.Sprintf(`{"fmt":1,"store":"old","epoch":3,"floor":%d,"cluster":"%x","term":1,"rev":1}`, floor, clusterID(t, server)))
	for name, last := range marks {
		etcdtest.Put(t, server, prefix+"/v1/counters/demo/"+name, fmt.Sprintf(`{"fmt":1,"last":%d,"by":"w0"}`, last))
	}
}

// A deployment that always ran with /seqd/ has its counters below /seqd//v1/. Now
// that this is /seqd, its ids would begin at 1 again: nothing is issued until a
// jump has taken the counters over.
func TestCountersElsewhereAreTakenOver(t *testing.T) {
	server := servers.StartEtcd(t)
	many := map[string]int64{"key666": 40, "both": 7, "twice": 9}
	for i := range 120 {
		many[fmt.Sprint("k", i)] = int64(i + 1)
	}
	seedElsewhere(t, server, "/seqd/", 500, many)
	seedElsewhere(t, server, "/seqd//", 0, map[string]int64{"twice": 11})
	etcdtest.Put(t, server, "/seqd/v1/counters/demo/both", `{"fmt":1,"last":900,"by":"w0"}`)
	etcdtest.Put(t, server, "/seqd/v1/counters/demo/here", `{"fmt":1,"last":5,"by":"w0"}`)
	dir := t.TempDir()
	cold := etcdtest.Guarded(t, server, dir)
	wantFenced(t, cold, "/seqd//v1/counters/ too")

	admin := operate.New(server.Connect(t), "")
	if got, err := admin.Elsewhere(t.Context()); err != nil || !slices.Equal(got, []record.Prefix{"/seqd/", "/seqd//"}) {
		t.Errorf("elsewhere: %v, %v", got, err)
	}
	if h, err := admin.History(t.Context(), dir, "", []string{server.Endpoint}); err != nil || h.Fence == nil {
		t.Errorf("history: %+v, %v", h, err)
	}
	want := map[string]int64{"here": 105, "both": 1000, "twice": 111}
	for name, last := range many {
		if want[name] == 0 {
			want[name] = last + 100
		}
	}
	before := everything(t, server)
	got := map[string]int64{}
	for c, err := range admin.PreviewJump(t.Context(), "", 100) {
		if err != nil {
			t.Fatal(err)
		}
		got[c.Key.Name] = c.Is
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("preview: got %v, want %v", got, want)
	}
	if _, is, err := admin.PreviewReincarnate(t.Context(), 100); err != nil || is.Floor != 600 {
		t.Errorf("preview: %+v, %v", is, err)
	}
	if after := everything(t, server); after != before {
		t.Errorf("a preview has changed %s to %s", before, after)
	}

	got = map[string]int64{}
	for c, err := range admin.JumpMarks(t.Context(), "", 100) {
		if err != nil {
			t.Fatal(err)
		}
		got[c.Key.Name] = c.Is
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("jump: got %v, want %v", got, want)
	}
	wantFenced(t, cold, "too")                            // not before the floor is there
	wantFenced(t, etcdtest.Guarded(t, server, ""), "too") // by the record alone
	if _, is, err := admin.Reincarnate(t.Context(), 100); err != nil || is.Floor != 600 {
		t.Errorf("got %+v, %v", is, err)
	}
	if err := ready(t, cold); err != nil {
		t.Fatal(err)
	}
	etcdtest.MustAdvance(t, cold, key, 1, 141)
	etcdtest.MustAdvance(t, cold, allocator.Key{Store: "demo", Name: "young"}, 1, 601)
	if got, err := admin.Elsewhere(t.Context()); err != nil || got != nil {
		t.Errorf("left elsewhere: %v, %v", got, err)
	}
	// An older version that is started there is fenced by the record that was left.
	if got := etcdtest.Get(t, server, "/seqd//v1/incarnation"); !strings.Contains(got, `"fenced":"counters stand below`) {
		t.Errorf("got %s", got)
	}

	// They may come up later, too.
	seedElsewhere(t, server, "/seqd/", 0, map[string]int64{"key666": 3})
	_ = ready(t, cold)
	wantFenced(t, cold, "/seqd//v1/counters/ too")
	jumpAll(t, server, 10)
	if err := ready(t, cold); err != nil {
		t.Fatal(err)
	}
	etcdtest.MustAdvance(t, cold, key, 1, 152)
}

func everything(t testing.TB, server *servers.Etcd) string {
	t.Helper()
	resp, err := server.Connect(t).Get(t.Context(), "/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(resp.Kvs)
}

// What is not understood is not moved, and not written over: neither there nor here.
func TestUnreadableCountersElsewhereAreLeft(t *testing.T) {
	server := servers.StartEtcd(t)
	seedElsewhere(t, server, "/seqd/", 0, map[string]int64{"good": 1, "here": 2})
	etcdtest.Put(t, server, "/seqd//v1/counters/demo/bad", `{"fmt":9}`)
	etcdtest.Put(t, server, "/seqd/v1/counters/demo/here", `{"fmt":8}`)
	bad := map[string]bool{}
	for c, err := range operate.New(server.Connect(t), "").JumpMarks(t.Context(), "", 10) {
		if err != nil {
			t.Fatal(err)
		}
		bad[c.Key.Name] = c.Err != nil
	}
	if fmt.Sprint(bad) != "map[bad:true good:false here:true]" {
		t.Errorf("got %v", bad)
	}
	for path, want := range map[string]string{"/seqd//v1/counters/demo/bad": `{"fmt":9}`, "/seqd/v1/counters/demo/here": `{"fmt":8}`, "/seqd//v1/counters/demo/good": ""} {
		if got := etcdtest.Get(t, server, path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	wantFenced(t, etcdtest.Guarded(t, server, ""), "too")
}

// A restored etcd was not known again by a worker that wrote http:// before its
// address: what it remembers is found by the store, not by a spelling.
func TestMemoryIsFoundByTheStore(t *testing.T) {
	server, dir := servers.StartEtcd(t), t.TempDir()
	c := counterAt(t, server.Endpoint, etcd.Config{StateDir: dir})
	etcdtest.MustAdvance(t, c, key, 5, 1)
	backup := server.Backup(t)
	etcdtest.MustAdvance(t, c, key, 20, 6)
	c.Close()
	server.Restore(t, backup, 0)
	_, port, _ := strings.Cut(server.Endpoint, ":")
	for _, endpoint := range []string{"http://" + server.Endpoint, "http://localhost:" + port + "/", server.Endpoint} {
		wantFenced(t, counterAt(t, endpoint, etcd.Config{StateDir: dir}), "fell")
	}
}

// The same for an etcd that was wiped: there the place is all that tells.
func TestMemoryOfAPlace(t *testing.T) {
	server, dir := servers.StartEtcd(t), t.TempDir()
	c := counterAt(t, server.Endpoint, etcd.Config{StateDir: dir, Prefix: "/seqd/"})
	etcdtest.MustAdvance(t, c, key, 5, 1)
	c.Close()
	server.Replace(t)
	etcdtest.MustAdvance(t, counterAt(t, server.Endpoint, etcd.Config{StateDir: dir, Prefix: "/other"}), key, 1, 1) // another place
	at := "http://" + strings.Replace(server.Endpoint, "127.0.0.1", "LOCALHOST", 1)
	wantFenced(t, counterAt(t, at, etcd.Config{StateDir: dir}), "has lost the record of store "+c.Lineage())

	ignorant := etcdtest.Guarded(t, server, "")
	etcdtest.MustAdvance(t, ignorant, key, 5, 1)
	wantFenced(t, counterAt(t, at, etcd.Config{StateDir: dir}), "in place of "+c.Lineage())

	// The way out named the record as well. It is the other store's: who deleted it
	// fenced that one's workers.
	stranger := counterAt(t, at, etcd.Config{StateDir: dir})
	if f := fenceOf(t, stranger); len(f.Files) == 0 || f.Record != "" {
		t.Errorf("the way out is not to delete the file alone: %+v", f)
	}
	files, err := filepath.Glob(filepath.Join(dir, c.Lineage()+".json"))
	if err != nil || len(files) != 1 || os.Remove(files[0]) != nil {
		t.Fatal(files, err)
	}
	etcdtest.MustAdvance(t, counterAt(t, at, etcd.Config{StateDir: dir}), key, 1, 6)
	etcdtest.MustAdvance(t, ignorant, key, 1, 7)
}

// A worker that was started beside a fenced one, with another --state-dir or none,
// served: the fence is noted in the machine's own folder, too.
func TestFenceIsNotedInBothFolders(t *testing.T) {
	server, own, machine := servers.StartEtcd(t), t.TempDir(), t.TempDir()
	c := counterAt(t, server.Endpoint, etcd.Config{StateDir: own, FenceDir: machine})
	etcdtest.MustAdvance(t, c, key, 5, 1)
	c.Close()
	if files, err := filepath.Glob(filepath.Join(machine, "*")); err != nil || files != nil {
		t.Errorf("noted without a fence: %v, %v", files, err)
	}
	server.Replace(t)
	wantFenced(t, counterAt(t, server.Endpoint, etcd.Config{StateDir: own, FenceDir: machine}), "has lost the record")
	for _, config := range []etcd.Config{{FenceDir: machine}, {StateDir: machine}, {StateDir: t.TempDir(), FenceDir: machine}, {StateDir: own}} {
		wantFenced(t, counterAt(t, "http://"+server.Endpoint, config), "has lost the record")
	}
	if got := etcdtest.Get(t, server, incarnationPath); got != "" {
		t.Errorf("a worker that has not seen the record wrote %s", got)
	}
	jumpAll(t, server, 100)
	for i, config := range []etcd.Config{{FenceDir: machine}, {StateDir: machine}, {StateDir: own, FenceDir: machine}, {StateDir: t.TempDir(), FenceDir: machine}} {
		etcdtest.MustAdvance(t, counterAt(t, server.Endpoint, config), key, 1, 101+int64(i))
	}
}

// A worker that saw the record go writes it again, with the fence: one on another
// machine that remembers nothing took the wiped etcd for a new one.
func TestLostRecordIsToldToAll(t *testing.T) {
	server := servers.StartEtcd(t)
	live := etcdtest.Guarded(t, server, "")
	etcdtest.MustAdvance(t, live, key, 5, 1)
	name := live.Lineage()
	server.Replace(t)
	eventuallyFenced(t, live)
	if f := fenceOf(t, live); f.Record != incarnationPath {
		t.Errorf("the way out leaves out the record that was just written: %+v", f) // so a restart was fenced again
	}
	if got := etcdtest.Get(t, server, incarnationPath); !strings.Contains(got, name) || !strings.Contains(got, `"fenced":"`) {
		t.Errorf("the record is %s, want one of %s that says it", got, name)
	}
	wantFenced(t, etcdtest.Guarded(t, server, ""), "a worker found that")
	if f := fenceOf(t, etcdtest.Guarded(t, server, t.TempDir())); f.Record != incarnationPath {
		t.Errorf("the way out leaves out the record: %+v", f)
	}
	jumpAll(t, server, 100)
	if err := ready(t, live); err != nil {
		t.Fatal(err)
	}
	etcdtest.MustAdvance(t, live, key, 1, 101)
	etcdtest.MustAdvance(t, etcdtest.Guarded(t, server, ""), key, 1, 102)
}

// Who was told of a fence remembers it, though it has seen nothing itself.
func TestToldFenceIsRemembered(t *testing.T) {
	server, dir := servers.StartEtcd(t), t.TempDir()
	etcdtest.Put(t, server, incarnationPath, fmt.Sprintf(`{"fmt":1,"store":"a","epoch":7,"floor":0,"cluster":"%x","term":1,"rev":1,"fenced":"it fell"}`, clusterID(t, server)))
	wantFenced(t, etcdtest.Guarded(t, server, dir), "it fell")
	if _, err := server.Connect(t).Delete(t.Context(), incarnationPath); err != nil {
		t.Fatal(err)
	}
	wantFenced(t, etcdtest.Guarded(t, server, dir), "has lost the record of store a")
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	etcdtest.MustAdvance(t, etcdtest.Guarded(t, server, dir), key, 1, 1)
}

// Three workers that started at once on a new etcd each wrote the record; those
// that came second said ERROR, with a hint at quota and permissions, and waited.
func TestRaceForTheRecord(t *testing.T) {
	server := servers.StartEtcd(t)
	var said bytes.Buffer
	var mu sync.Mutex
	log := slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return said.Write(p)
	}), &slog.HandlerOptions{Level: slog.LevelWarn}))
	for round := range 10 {
		prefix := fmt.Sprint("/round", round)
		var all sync.WaitGroup
		for range 8 {
			c := counterAt(t, server.Endpoint, etcd.Config{Prefix: prefix, Log: log})
			all.Go(func() {
				if err := ready(t, c); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	if said.Len() > 0 {
		t.Errorf("it was said: %s", &said)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A role that is narrower than the prefix can't look elsewhere. It goes on, and
// says so: a worker without logins may once have counted there.
func TestRoleThatCantLookElsewhere(t *testing.T) {
	server := servers.StartEtcdWith(t, func(c *embed.Config) { c.UnsafeNoFsync, c.BcryptCost = true, 4 })
	root := server.Connect(t)
	var errs []error
	add := func(_ any, err error) { errs = append(errs, err) }
	for _, name := range []string{"root", "ids"} {
		add(root.RoleAdd(t.Context(), name))
		add(root.UserAdd(t.Context(), name, name))
		add(root.UserGrantRole(t.Context(), name, name))
	}
	add(root.RoleGrantPermission(t.Context(), "ids", "/seqd/v1/", clientv3.GetPrefixRangeEnd("/seqd/v1/"), clientv3.PermissionType(clientv3.PermReadWrite)))
	add(root.AuthEnable(t.Context()))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	client, err := dial.Open(t.Context(), dial.Config{Endpoints: []string{server.Endpoint}, Username: "ids", Password: "ids"})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var said bytes.Buffer
	c := etcd.NewCounter(client, etcd.Config{Log: slog.New(slog.NewTextHandler(&said, nil))})
	defer c.Close()
	etcdtest.MustAdvance(t, c, key, 1, 1)
	admin := operate.New(client, "")
	for _, err := range admin.JumpMarks(t.Context(), "", 10) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := admin.Reincarnate(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	if err := ready(t, c); err != nil {
		t.Fatal(err)
	}
	etcdtest.MustAdvance(t, c, key, 1, 12)
	c.Close()
	if n := strings.Count(said.String(), "may not look for counters at other spellings"); n != 1 {
		t.Errorf("it said so %d times:\n%s", n, said.String())
	}
}
