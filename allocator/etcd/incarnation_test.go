package etcd_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/integration/servers"
)

const incarnationPath = "/seqd/v1/incarnation"

// written is the incarnation as others may read it.
type written struct {
	Fmt     int
	Store   string
	Epoch   int64
	Floor   int64
	Cluster string
	Term    uint64
	Rev     int64
}

func incarnation(t testing.TB, server *servers.Etcd) written {
	t.Helper()
	var r written
	d := json.NewDecoder(strings.NewReader(etcdtest.Get(t, server, incarnationPath)))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestIncarnation(t *testing.T) {
	server := servers.StartEtcd(t)
	etcdtest.MustAdvance(t, etcdtest.Guarded(t, server, ""), key, 1, 1)
	value := etcdtest.Get(t, server, incarnationPath)
	if !regexp.MustCompile(`^\{"fmt":1,"store":"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}","epoch":0,"floor":0,"cluster":"[0-9a-f]+","term":2,"rev":1\}$`).MatchString(value) {
		t.Errorf("got %s", value)
	}
	first := incarnation(t, server)
	if want := fmt.Sprintf("%x", clusterID(t, server)); first.Cluster != want {
		t.Errorf("cluster %s, want %s", first.Cluster, want)
	}
	// Every worker that starts writes how far it sees the history.
	if err := ready(t, etcdtest.Guarded(t, server, "")); err != nil {
		t.Fatal(err)
	}
	second := incarnation(t, server)
	if second.Store != first.Store || second.Rev <= first.Rev {
		t.Errorf("got %+v after %+v", second, first)
	}
}

func clusterID(t testing.TB, server *servers.Etcd) uint64 {
	t.Helper()
	resp, err := server.Connect(t).Get(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	return resp.Header.ClusterId
}

// The record is written when raft's term has changed, and not at every probe.
func TestIncarnationFollowsTheTerm(t *testing.T) {
	server := servers.StartEtcd(t)
	c := etcdtest.Guarded(t, server, "")
	ready := func() {
		t.Helper()
		if err := ready(t, c); err != nil {
			t.Fatal(err)
		}
	}
	ready()
	ready()
	before := incarnation(t, server)
	for range 3 {
		mustAdvanceBy(t, c, key, 1)
		ready()
	}
	if got := incarnation(t, server); got != before {
		t.Errorf("the record was written within a minute: %+v after %+v", got, before)
	}
	server.Stop()
	server.Start(t)
	mustAdvanceBy(t, c, key, 1)
	ready()
	if got := incarnation(t, server); got.Term <= before.Term || got.Rev <= before.Rev {
		t.Errorf("the term has changed: %+v after %+v", got, before)
	}
}

func mustAdvanceBy(t testing.TB, c allocator.Counter, key allocator.Key, n int) allocator.Range {
	t.Helper()
	ids, err := c.Advance(t.Context(), key, n)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestUnreadableIncarnationIsLeftAlone(t *testing.T) {
	server := servers.StartEtcd(t)
	for _, value := range []string{
		``, `7`, `{}`, `null`,
		`{"fmt":2,"store":"a","epoch":0,"floor":0,"cluster":"1","term":1,"rev":1}`,
		`{"fmt":1,"store":"a","epoch":0,"floor":0,"cluster":"1","term":1,"rev":1,"lease":1}`,
		`{"fmt":1,"store":"","epoch":0,"floor":0,"cluster":"1","term":1,"rev":1}`,
		`{"fmt":1,"store":"a","epoch":0,"floor":-1,"cluster":"1","term":1,"rev":1}`,
		`{"fmt":1,"store":"a","epoch":0,"floor":0,"cluster":"x","term":1,"rev":1}`,
	} {
		etcdtest.Put(t, server, incarnationPath, value)
		c := etcdtest.Guarded(t, server, "")
		if ids, err := c.Advance(t.Context(), key, 1); !errors.Is(err, allocator.ErrUnreadable) {
			t.Errorf("%s: got %v, %v, want ErrUnreadable", value, ids, err)
		}
		if err := ready(t, c); !errors.Is(err, allocator.ErrUnreadable) {
			t.Errorf("%s: Ready: got %v, want ErrUnreadable", value, err)
		}
		if _, _, err := operate.New(server.Connect(t), "").Reincarnate(t.Context(), 1); !errors.Is(err, allocator.ErrUnreadable) {
			t.Errorf("%s: Reincarnate: got %v, want ErrUnreadable", value, err)
		}
		if got := etcdtest.Get(t, server, incarnationPath); got != value {
			t.Errorf("%s was changed to %s", value, got)
		}
	}
	if got := etcdtest.Get(t, server, "/seqd/v1/counters/demo/key666"); got != "" {
		t.Errorf("a counter was written: %s", got)
	}
}

// Counters from before there were incarnations, or that somebody has put.
func TestCountersWithoutIncarnationAreTaken(t *testing.T) {
	server := servers.StartEtcd(t)
	store{server, "/seqd"}.Seed(t, key, 41)
	var said bytes.Buffer
	c := etcd.NewCounter(server.Connect(t), etcd.Config{Log: slog.New(slog.NewTextHandler(&said, nil))})
	t.Cleanup(c.Close)
	etcdtest.MustAdvance(t, c, key, 1, 42)
	if !strings.Contains(said.String(), "counters were there without an incarnation") {
		t.Errorf("it was not said: %s", &said)
	}
}

// Many workers start at a time: there is one store.
func TestWorkersAgreeOnTheStore(t *testing.T) {
	server, dir := servers.StartEtcd(t), t.TempDir()
	var wg sync.WaitGroup
	for range 8 {
		c := etcdtest.Guarded(t, server, dir)
		wg.Go(func() {
			for range 20 {
				if _, err := c.Advance(t.Context(), key, 1); err != nil {
					t.Error(err)
				}
				if err := ready(t, c); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if files, err := filepath.Glob(filepath.Join(dir, "*.json")); err != nil || len(files) != 1 {
		t.Errorf("state files: %v, %v", files, err)
	}
}

// Where nothing can be remembered, ids are issued all the same.
func TestStateDirThatCantBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	c := etcd.NewCounter(servers.StartEtcd(t).Connect(t), etcd.Config{StateDir: file, Log: slog.New(slog.NewTextHandler(&said, nil))})
	t.Cleanup(c.Close)
	etcdtest.MustAdvance(t, c, key, 1, 1)
	for range 3 {
		if err := ready(t, c); err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(said.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings, want one: %s", n, &said)
	}
}

// A floor of the incarnation is for counters without a record only.
func TestFloorOfTheIncarnation(t *testing.T) {
	server := servers.StartEtcd(t)
	store{server, "/seqd"}.Seed(t, key, 41)
	etcdtest.Put(t, server, incarnationPath, fmt.Sprintf(`{"fmt":1,"store":"a","epoch":7,"floor":500,"cluster":"%x","term":1,"rev":1}`, clusterID(t, server)))
	c := etcdtest.Guarded(t, server, "")
	etcdtest.MustAdvance(t, c, key, 1, 42)
	etcdtest.MustAdvance(t, c, allocator.Key{Store: "demo", Name: "young"}, 1, 501)

	etcdtest.Put(t, server, incarnationPath, fmt.Sprintf(`{"fmt":1,"store":"a","epoch":8,"floor":9223372036854775807,"cluster":"%x","term":1,"rev":1}`, clusterID(t, server)))
	c = etcdtest.Guarded(t, server, "")
	etcdtest.MustAdvance(t, c, key, 1, 43)
	if ids, err := c.Advance(t.Context(), allocator.Key{Store: "demo", Name: "younger"}, 1); !errors.Is(err, allocator.ErrExhausted) {
		t.Errorf("got %v, %v, want ErrExhausted", ids, err)
	}
}
