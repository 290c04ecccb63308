package operate_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/integration/servers"
)

// The same for a jump of many; and an owner whose session comes up after the
// operator has looked keeps its counter, and is waited for.
func TestOwnerThatComesBack(t *testing.T) {
	server := servers.StartEtcd(t)
	gone := startOwner(t, server.Connect(t), "gone", time.Hour, 10)
	back := startOwner(t, server.Connect(t), "back", time.Hour, 10)
	gone.next(t, other, 10)
	back.next(t, key, 10)
	for _, o := range []*owner{gone, back} {
		if err := o.issuer.LetGo(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for name, jump := range map[string]func(*operate.Admin) (operate.Change, error){
		"one":  func(a *operate.Admin) (operate.Change, error) { return a.Jump(t.Context(), key, 5) },
		"many": func(a *operate.Admin) (operate.Change, error) { return jumpOf(t, a, key, 5) },
	} {
		if owner := counterAt(t, server, key).Owner; owner != "back" {
			t.Fatalf("%s: the counter is owned by %q", name, owner)
		}
		client := server.Connect(t)
		first, told := true, 0
		client.KV = &etcdtest.LossyKV{KV: client.KV, Spoil: func() (bool, error) {
			if first { // it has looked, and is about to write
				first = false
				back.renew(t)
			}
			return false, nil
		}}
		a := operate.New(client, "").Telling(func(operate.Wait) {
			told++
			go back.issuer.LetGo(t.Context())
		})
		if c, err := jump(a); err != nil || c.Owner != "back" || c.Is != c.Was+5 || told != 1 {
			t.Errorf("%s: got %+v, %v, told %d times", name, c, err, told)
		}
	}
	if rec := counterAt(t, server, other); rec.Owner != "" || rec.Last != 15 {
		t.Errorf("the counter of who has gone is %+v", rec)
	}
}

// jumpOf jumps all counters of a store and returns what became of one.
func jumpOf(t *testing.T, a *operate.Admin, key allocator.Key, by int64) (change operate.Change, err error) {
	t.Helper()
	for c, e := range a.JumpMarks(t.Context(), key.Store, by) {
		if err = errors.Join(err, e); c.Key == key {
			change = c
		}
	}
	return change, err
}

// A jump waits for all owners side by side: for one of many counters, which lets
// go of all that it has, and for one that stands still.
func TestJumpMarksOfOwners(t *testing.T) {
	server := servers.StartEtcd(t)
	many := startOwner(t, server.Connect(t), "many", lease, 1000)
	still := startOwner(t, server.Connect(t), "still", lease, 1000)
	const n = 150
	keys := make([]allocator.Key, n)
	for i := range keys {
		keys[i] = allocator.Key{Store: "demo", Name: fmt.Sprint(i)}
		many.next(t, keys[i], 1)
	}
	still.next(t, other, 1)
	seed(t, server, key, 7)

	admin := operate.New(server.Connect(t), "")
	raised := operate.Raised{}
	for c, err := range admin.PreviewJump(t.Context(), "demo", 5) {
		if err != nil {
			t.Fatal(err)
		}
		raised.Add(c)
	}
	preview, err := admin.WaitFor(t.Context(), raised)
	if err != nil || preview.Keys != n+1 || !slices.Equal(preview.Owners, []string{"many", "still"}) {
		t.Errorf("the preview has %+v, %v", preview, err)
	}
	var waits []operate.Wait
	begin := time.Now()
	changes := 0
	admin = admin.Telling(func(w operate.Wait) {
		waits = append(waits, w)
		many.serve(t, lease/3)
	})
	for c, err := range admin.JumpMarks(t.Context(), "demo", 5) {
		if err != nil || c.Is != c.Was+5 {
			t.Fatalf("got %+v, %v", c, err)
		}
		changes++
	}
	if took := time.Since(begin); took < stood || took > 3*stood {
		t.Errorf("took %v, want %v", took, stood)
	}
	if changes != n+2 || len(waits) != 1 || waits[0].Keys != n+1 {
		t.Errorf("%d changes, told of %+v", changes, waits)
	}
	for _, k := range keys {
		if ids := many.next(t, k, 1); ids.First <= 1005 {
			t.Errorf("%v: got %v", k, ids)
		}
	}
	if ids, ok := still.take(other, 1); ok {
		t.Errorf("the one that stood still issues %v", ids)
	}
	if ids := many.next(t, other, 1); ids.First <= 1005 {
		t.Errorf("its counter was taken over: got %v", ids)
	}
	if ids := many.next(t, key, 1); ids.First != 13 {
		t.Errorf("nobody's counter: got %v", ids)
	}
}

// Counters at another spelling of the prefix are nobody's once they are taken
// over, and whoever owned them there has stopped.
func TestOwnersElsewhere(t *testing.T) {
	server := servers.StartEtcd(t)
	etcdtest.Put(t, server, "/seqd//v1/counters/demo/key666", `{"fmt":2,"last":1000,"by":"w0","owner":"w0"}`)
	etcdtest.Put(t, server, "/seqd//v1/sessions/w0", fmt.Sprintf(`{"fmt":1,"lease_ms":%d}`, lease.Milliseconds()))
	var waits []operate.Wait
	begin := time.Now()
	for c, err := range operate.New(server.Connect(t), "").Telling(func(w operate.Wait) { waits = append(waits, w) }).JumpMarks(t.Context(), "", 5) {
		if want := (operate.Change{Key: key, Was: 1000, Is: 1005}); err != nil || c != want {
			t.Errorf("got %+v, %v, want %+v", c, err, want)
		}
	}
	if took := time.Since(begin); took < stood || len(waits) != 1 {
		t.Errorf("took %v, told of %+v", took, waits)
	}
	for _, path := range []string{"/seqd//v1/counters/demo/key666", "/seqd//v1/sessions/w0"} {
		if got := etcdtest.Get(t, server, path); got != "" {
			t.Errorf("%s is %s", path, got)
		}
	}
	if rec := counterAt(t, server, key); rec.Last != 1005 || rec.Owner != "" {
		t.Errorf("the counter is %+v", rec)
	}
}
