package operate_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/integration/servers"
)

func seed(t testing.TB, server *servers.Etcd, key allocator.Key, last int64) {
	t.Helper()
	etcdtest.Seed(t, server, "/seqd", key, last)
}

func lastOf(t testing.TB, a *operate.Admin, key allocator.Key) int64 {
	t.Helper()
	m, err := a.Peek(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if m.Err != nil {
		t.Fatal(m.Err)
	}
	return m.Last
}

var key = allocator.Key{Store: "demo", Name: "key666"}

// List reads page by page, and neither misses nor repeats a record at a page's
// end, nor one of a store whose name begins alike.
func TestList(t *testing.T) {
	server := servers.StartEtcd(t)
	client := server.Connect(t)
	const n = 2500
	var ops []clientv3.Op
	for i := range n {
		ops = append(ops, clientv3.OpPut(fmt.Sprintf("/seqd/v1/counters/many/key%d/x", i), fmt.Sprintf(`{"fmt":1,"last":%d,"by":"w"}`, i)))
		if len(ops) == 100 {
			if _, err := client.Txn(t.Context()).Then(ops...).Commit(); err != nil {
				t.Fatal(err)
			}
			ops = nil
		}
	}
	seed(t, server, allocator.Key{Store: "many2", Name: "k"}, 1)
	etcdtest.Put(t, server, "/seqd/v1/counters/many2/bad", `nonsense`)
	etcdtest.Put(t, server, "/seqd/v1/countersX", `7`)

	a := operate.New(client, "")
	seen := map[allocator.Key]bool{}
	for m, err := range a.List(t.Context(), "many") {
		if err != nil {
			t.Fatal(err)
		}
		if seen[m.Key] || m.Key.Store != "many" || m.Err != nil || m.By != "w" || m.Key.Name != fmt.Sprintf("key%d/x", m.Last) {
			t.Fatalf("got %+v, seen before: %v", m, seen[m.Key])
		}
		seen[m.Key] = true
	}
	if len(seen) != n {
		t.Errorf("%d counters, want %d", len(seen), n)
	}
	all, bad := 0, 0
	for m, err := range a.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all++
		if errors.Is(m.Err, allocator.ErrUnreadable) {
			bad++
		}
	}
	if all != n+2 || bad != 1 {
		t.Errorf("%d counters, %d of them bad; want %d and 1", all, bad, n+2)
	}
	for range a.List(t.Context(), "") {
		break // and it may be left
	}
}

func TestRaise(t *testing.T) {
	server := servers.StartEtcd(t)
	a := operate.New(server.Connect(t), "")
	for _, test := range []struct{ to, was, is int64 }{
		{100, 0, 100}, // makes it
		{100, 100, 100},
		{50, 100, 100}, // never lowers
		{math.MaxInt64, 100, math.MaxInt64},
		{0, math.MaxInt64, math.MaxInt64},
	} {
		got, err := a.Raise(t.Context(), key, test.to)
		if want := (operate.Change{Key: key, Was: test.was, Is: test.is}); err != nil || got != want {
			t.Errorf("to %d: got %+v, %v, want %+v", test.to, got, err, want)
		}
		if got := lastOf(t, a, key); got != test.is {
			t.Errorf("to %d: the mark is %d", test.to, got)
		}
	}
	m, err := a.Peek(t.Context(), key)
	if err != nil || !strings.HasPrefix(m.By, "admin-") {
		t.Errorf("written by %q, %v", m.By, err)
	}
	if _, err := etcdtest.Open(t, server, "").Advance(t.Context(), key, 1); !errors.Is(err, allocator.ErrExhausted) {
		t.Errorf("got %v, want ErrExhausted", err)
	}
	if got := lastOf(t, a, key); got != math.MaxInt64 {
		t.Errorf("the mark is %d: it wrapped", got)
	}
	if _, err := a.Peek(t.Context(), allocator.Key{Store: "demo", Name: "none"}); !errors.Is(err, operate.ErrNoRecord) {
		t.Errorf("got %v, want ErrNoRecord", err)
	}
}

// Short of the end there is no partial range: what does not fit is refused, and
// what fits is issued to the last id.
func TestTheLastIdsAfterARaise(t *testing.T) {
	server := servers.StartEtcd(t)
	a := operate.New(server.Connect(t), "")
	if _, err := a.Raise(t.Context(), key, math.MaxInt64-3); err != nil {
		t.Fatal(err)
	}
	c := etcdtest.Open(t, server, "")
	if ids, err := c.Advance(t.Context(), key, 4); !errors.Is(err, allocator.ErrExhausted) {
		t.Errorf("got %v, %v, want ErrExhausted", ids, err)
	}
	etcdtest.MustAdvance(t, c, key, 3, math.MaxInt64-2)
	if ids, err := c.Advance(t.Context(), key, 1); !errors.Is(err, allocator.ErrExhausted) {
		t.Errorf("got %v, %v, want ErrExhausted", ids, err)
	}
}

// Workers advance and operators raise at the same time: nobody's write is lost.
func TestRaiseAmongWorkers(t *testing.T) {
	server := servers.StartEtcd(t)
	var wg sync.WaitGroup
	for range 3 {
		c := etcdtest.Open(t, server, "")
		wg.Go(func() {
			last := int64(0)
			for range 200 {
				ids, err := c.Advance(t.Context(), key, 1)
				if err != nil || ids.First <= last {
					t.Errorf("got %v, %v after %d", ids, err, last)
				}
				last = ids.First
			}
		})
	}
	c := etcdtest.Open(t, server, "")
	a := operate.New(server.Connect(t), "")
	to := int64(0)
	for range 200 {
		to += 2 // hardly more than the workers advance meanwhile
		if _, err := a.Raise(t.Context(), key, to); err != nil {
			t.Error(err)
		}
		if ids, err := c.Advance(t.Context(), key, 1); err != nil || ids.First <= to { // STRONG, at once
			t.Errorf("got %v, %v after a raise to %d", ids, err, to)
		} else {
			to = ids.First
		}
	}
	wg.Wait()
}

// A raise whose answer is lost is not done twice.
func TestJumpWhoseAnswersAreLost(t *testing.T) {
	server := servers.StartEtcd(t)
	client := server.Connect(t)
	losses := 0
	client.KV = &etcdtest.LossyKV{KV: client.KV, Spoil: func() (bool, error) {
		if losses++; losses%2 == 1 {
			return false, errors.New("answer lost")
		}
		return false, nil
	}}
	a := operate.New(client, "")
	for i := range 5 {
		seed(t, server, allocator.Key{Store: "demo", Name: fmt.Sprint(i)}, 7)
	}
	for c, err := range a.JumpMarks(t.Context(), "demo", 100) {
		if err != nil || c.Was != 7 || c.Is != 107 {
			t.Errorf("got %+v, %v", c, err)
		}
		if got := lastOf(t, a, c.Key); got != 107 {
			t.Errorf("%v: the mark is %d, want 107", c.Key, got)
		}
	}
	c, err := a.Jump(t.Context(), allocator.Key{Store: "demo", Name: "0"}, 1)
	if err != nil || c.Is != 108 {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestJumpMarks(t *testing.T) {
	server := servers.StartEtcd(t)
	a := operate.New(server.Connect(t), "")
	const n = 250 // several transactions
	for i := range n {
		seed(t, server, allocator.Key{Store: "a", Name: fmt.Sprintf("%03d", i)}, int64(i))
	}
	full := allocator.Key{Store: "a", Name: "full"}
	seed(t, server, full, math.MaxInt64-5)
	etcdtest.Put(t, server, "/seqd/v1/counters/a/bad", `{"fmt":9}`)
	seed(t, server, allocator.Key{Store: "b", Name: "k"}, 1)

	changed, bad := 0, 0
	for c, err := range a.JumpMarks(t.Context(), "a", 10) {
		switch {
		case err != nil:
			t.Fatal(err)
		case c.Err != nil:
			bad++
		case c.Key == full:
			if !c.Exhausted() {
				t.Errorf("got %+v, want it exhausted", c)
			}
		case c.Is != c.Was+10:
			t.Errorf("got %+v", c)
		default:
			changed++
		}
	}
	if changed != n || bad != 1 {
		t.Errorf("%d were changed and %d not understood, want %d and 1", changed, bad, n)
	}
	for i := range n {
		if got := lastOf(t, a, allocator.Key{Store: "a", Name: fmt.Sprintf("%03d", i)}); got != int64(i+10) {
			t.Errorf("mark %d is %d", i, got)
		}
	}
	if got := etcdtest.Get(t, server, "/seqd/v1/counters/a/bad"); got != `{"fmt":9}` {
		t.Errorf("a record that is not understood was changed to %s", got)
	}
	if got := lastOf(t, a, allocator.Key{Store: "b", Name: "k"}); got != 1 {
		t.Errorf("another store's mark is %d", got)
	}
	if got := etcdtest.Get(t, server, "/seqd/v1/incarnation"); got != "" {
		t.Errorf("an incarnation was written: %s", got)
	}
}

func TestReincarnate(t *testing.T) {
	server := servers.StartEtcd(t)
	a := operate.New(server.Connect(t), "")
	if _, is, err := a.Reincarnate(t.Context(), 10); err != nil || is.Lineage == "" || is.Floor != 10 {
		t.Errorf("without a record: %+v, %v", is, err)
	}
	for range 3 { // within one second
		was, is, err := a.Reincarnate(t.Context(), 10)
		if err != nil || is.Lineage != was.Lineage || is.Epoch <= was.Epoch || is.Floor != was.Floor+10 {
			t.Errorf("%+v after %+v, %v", is, was, err)
		}
	}
	if _, is, err := a.Reincarnate(t.Context(), math.MaxInt64); err != nil || is.Floor != math.MaxInt64 {
		t.Errorf("%+v, %v", is, err)
	}
	if r, err := record.DecodeIncarnation([]byte(etcdtest.Get(t, server, "/seqd/v1/incarnation"))); err != nil || r.Seen.Cluster != clusterID(t, server) {
		t.Errorf("got %+v", r)
	}
}

func TestAdminWithoutEtcd(t *testing.T) {
	server := servers.StartEtcd(t)
	a := operate.New(server.Connect(t), "")
	server.Stop()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Raise(ctx, key, 1); !errors.Is(err, allocator.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	for _, err := range a.List(ctx, "") {
		if !errors.Is(err, allocator.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
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
