package operate_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/integration/servers"
)

// manyGoals are n goals, of which every fifth counter is higher already, and every
// seventh at exactly its goal.
func manyGoals(t *testing.T, server *servers.Etcd, n int) (goals []operate.Goal, want []operate.Change) {
	t.Helper()
	for i := range n {
		g := operate.Goal{Key: allocator.Key{Store: "many", Name: fmt.Sprint("k", i)}, To: int64(1000 + i)}
		c := operate.Change{Key: g.Key, Is: g.To}
		switch {
		case i%5 == 0:
			c.Was, c.Is = 5000, 5000
			seed(t, server, g.Key, 5000)
		case i%7 == 0:
			c.Was = g.To
			seed(t, server, g.Key, g.To)
		}
		goals, want = append(goals, g), append(want, c)
	}
	return goals, want
}

// raisedAll returns what became of goals, and fails the test if an error did.
func raisedAll(t *testing.T, a *operate.Admin, goals []operate.Goal) (changes []operate.Change) {
	t.Helper()
	for c, err := range a.RaiseAll(t.Context(), slices.Values(goals)) {
		if err != nil {
			t.Fatal(err)
		}
		changes = append(changes, c)
	}
	return changes
}

func revision(t *testing.T, server *servers.Etcd) int64 {
	t.Helper()
	resp, err := server.Connect(t).Get(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	return resp.Header.Revision
}

func TestRaiseAll(t *testing.T) {
	server := servers.StartEtcd(t)
	goals, want := manyGoals(t, server, 250)
	// A counter that is named again is raised again, and not in one transaction.
	again := goals[1]
	again.To = 2_000
	goals = append(goals[:3:3], append([]operate.Goal{again}, goals[3:]...)...)
	want = append(want[:3:3], append([]operate.Change{{Key: again.Key, Was: want[1].Is, Is: 2_000}}, want[3:]...)...)
	var preview []operate.Change
	before := revision(t, server)
	client := server.Connect(t)
	transactions := 0
	client.KV = &etcdtest.LossyKV{KV: client.KV, Spoil: func() (bool, error) { transactions++; return false, nil }}
	a := operate.New(client, "")
	for c, err := range a.PreviewRaiseAll(t.Context(), slices.Values(goals)) {
		if err != nil {
			t.Fatal(err)
		}
		preview = append(preview, c)
	}
	if now := revision(t, server); now != before || len(preview) != len(goals) {
		t.Errorf("a preview of %d goals has %d changes, and etcd is at %d instead of %d", len(goals), len(preview), now, before)
	}
	transactions = 0
	if got := raisedAll(t, a, goals); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// It takes 8, to read and to write 4 batches. On a busy machine one of them may
	// have no answer in time, and its counters are then raised one by one.
	if transactions > len(goals)/2 {
		t.Errorf("%d transactions for %d counters", transactions, len(goals))
	}
	for _, c := range want {
		if last := lastOf(t, a, c.Key); last < c.Is {
			t.Errorf("%v is at %d, want %d", c.Key, last, c.Is)
		}
	}
	// Done again it writes nothing.
	before = revision(t, server)
	raisedAll(t, operate.New(server.Connect(t), ""), goals)
	if now := revision(t, server); now != before {
		t.Errorf("done again it writes: etcd is at %d instead of %d", now, before)
	}
}

// Neither a lost answer nor a worker that advances a counter meanwhile lowers a
// mark, or leaves one below its goal.
func TestRaiseAllWhileOthersWrite(t *testing.T) {
	server := servers.StartEtcd(t)
	goals, _ := manyGoals(t, server, 150)
	raced := goals[3].Key
	client := server.Connect(t)
	n := 0
	client.KV = &etcdtest.LossyKV{KV: client.KV, Spoil: func() (bool, error) {
		n++
		switch {
		case n == 2: // the first hundred were read, and are about to be written
			seed(t, server, raced, 70_000)
		case n%37 == 0:
			return false, errors.New("the answer is lost")
		}
		return false, nil
	}}
	a := operate.New(client, "")
	for i, c := range raisedAll(t, a, goals) {
		last := lastOf(t, a, c.Key)
		if last != c.Is || last < goals[i].To {
			t.Errorf("%v is at %d, its change says %d, its goal %d", c.Key, last, c.Is, goals[i].To)
		}
		if c.Key == raced && last != 70_000 {
			t.Errorf("what a worker reserved was lowered to %d", last)
		}
	}
}

// Records that can't be raised are left alone, and the others are raised.
func TestRaiseAllLeavesAlone(t *testing.T) {
	server := servers.StartEtcd(t)
	of := func(name string) allocator.Key { return allocator.Key{Store: "demo", Name: name} }
	etcdtest.Put(t, server, "/seqd/v1/counters/demo/bad", "nonsense")
	etcdtest.Put(t, server, "/seqd/v1/counters/demo/periods", `{"fmt":3,"period":"2026-11-01","last":12,"by":"w"}`)
	goals := []operate.Goal{
		{Key: of("bad"), To: 5},
		{Key: of("periods"), To: 5},
		{Key: of("plain"), To: 5, Period: november},
		{Key: of("begins"), To: 5, Period: november, Counted: true},
		{Key: of("good"), To: 5},
	}
	a := operate.New(server.Connect(t), "")
	changes := raisedAll(t, a, goals)
	for i, wrong := range []bool{false, true, true} {
		_, other := errors.AsType[*operate.PeriodError](changes[i].Err)
		if other != wrong || !other && !errors.Is(changes[i].Err, allocator.ErrUnreadable) {
			t.Errorf("%v: got %v", goals[i], changes[i].Err)
		}
	}
	if c := changes[3]; c.Err != nil || c.Is != november.Mark(5) || !c.Began {
		t.Errorf("got %+v", c)
	}
	if last := lastOf(t, a, of("good")); last != 5 {
		t.Errorf("the good one is at %d", last)
	}
	for _, g := range []operate.Goal{{Key: key, To: -1}, {Key: key, To: allocator.MaxPeriodID + 1, Period: november}} {
		for _, err := range a.RaiseAll(t.Context(), slices.Values([]operate.Goal{g})) {
			if err == nil {
				t.Errorf("%+v is no error", g)
			}
		}
	}
}

// A counter whose owner holds ids below the goal in memory is raised even if its
// mark is higher, and the owner is waited for. Without that it would issue them.
func TestRaiseAllOfOwners(t *testing.T) {
	server := servers.StartEtcd(t)
	o := startOwner(t, server.Connect(t), "o", time.Hour, 100)
	o.next(t, key, 1)
	if last := counterAt(t, server, key).Last; last < 50 {
		t.Fatalf("the owner's window ends at %d: the test is about one that holds id 50", last)
	}
	told := 0
	a := operate.New(server.Connect(t), "").Telling(func(operate.Wait) { told++ })
	o.serve(t, 20*time.Millisecond) // with each renewal it drops what it is told to
	changes := raisedAll(t, a, []operate.Goal{{Key: key, To: 50}, {Key: other, To: 7}})
	if len(changes) != 2 || changes[0].Owner != "o" || told != 1 {
		t.Errorf("got %+v, told %d times", changes, told)
	}
	if ids := o.next(t, key, 1); ids.First <= 50 {
		t.Errorf("the owner issued %v, which another system has issued", ids)
	}
}

// An etcd that takes no transaction as large is asked for less at a time.
func TestRaiseAllInSmallTransactions(t *testing.T) {
	server := servers.StartEtcdWith(t, func(c *embed.Config) { c.MaxTxnOps = 16 })
	goals, want := manyGoals(t, server, 40)
	if got := raisedAll(t, operate.New(server.Connect(t), ""), goals); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
