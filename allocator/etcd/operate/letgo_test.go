package operate_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/integration/servers"
)

const (
	lease = 600 * time.Millisecond
	stood = lease + lease/10
)

var other = allocator.Key{Store: "demo", Name: "other"}

// An owner issues from memory as fast as it can while an operator raises, to
// within its window, to its end and above: no id up to there goes to a request
// that came after Raise had returned. Another key of the owner notices nothing.
func TestRaiseWhileItsOwnerIssues(t *testing.T) {
	server := servers.StartEtcd(t)
	o := startOwner(t, server.Connect(t), "w1", lease, 10_000)
	o.serve(t, lease/3)
	var floor, latest atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	all.Go(func() {
		for ctx.Err() == nil {
			least := floor.Load() // before the request comes
			ids := o.next(t, key, 1)
			if ids.N == 0 || ids.First <= least {
				t.Errorf("got %v after a raise to %d", ids, least)
				return
			}
			latest.Store(ids.First)
		}
	})
	all.Go(func() {
		for want := int64(1); ctx.Err() == nil; want++ {
			if ids := o.next(t, other, 1); ids.First != want {
				t.Errorf("the other key: got %v, want %d", ids, want)
				return
			}
		}
	})
	etcdtest.Eventually(t, func() bool { return latest.Load() > 0 }, "nothing is issued")
	a := operate.New(server.Connect(t), "")
	for i := range 12 {
		m, err := a.Peek(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		to := []int64{latest.Load() + 100, m.Last, m.Last + 1000}[i%3]
		change, err := a.Raise(t.Context(), key, to)
		floor.Store(to)
		if err != nil || change.Is < to || change.Owner != o.id {
			t.Fatalf("raise to %d: got %+v, %v", to, change, err)
		}
		if rec := counterAt(t, server, key); rec.Owner != o.id {
			t.Errorf("the counter is %+v", rec)
		}
	}
}

// What an owner has left of its window is given back when it lets go. Where it
// had claimed the next one without a gap between, before it heard of a raise to
// within the first, the mark fell to below what the operator was promised.
func TestMarkStaysRaisedWhenItsOwnerLetsGo(t *testing.T) {
	const n = 1000
	for _, test := range []struct {
		name             string
		before, to, mark int64
		many             bool // by RaiseAll
	}{
		{"within the window", 0, 900, n + 1, false},
		{"within the window, among many", 0, 900, n + 1, true},
		{"to its end", 0, n, n + 1, false},
		{"with no id above", math.MaxInt64 - n, math.MaxInt64 - 100, math.MaxInt64, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := servers.StartEtcd(t)
			if test.before > 0 {
				seed(t, server, key, test.before)
			}
			o := startOwner(t, server.Connect(t), "w1", time.Hour, n)
			o.next(t, key, 10)
			a := operate.New(server.Connect(t), "").Telling(func(operate.Wait) {
				// The mark is raised, and the owner has not heard of it.
				was := counterAt(t, server, key)
				if was.Last != test.mark || was.Owner != o.id {
					t.Fatalf("the counter is %+v, want its mark at %d", was, test.mark)
				}
				if ids, ok := o.take(key, n/2); !ok { // half is spent: the next window is fetched
					t.Errorf("got %v", ids)
				}
				if test.mark == math.MaxInt64 {
					if ids, err := o.ask(key, n, ""); !errors.Is(err, allocator.ErrExhausted) {
						t.Errorf("got %v, %v, want ErrExhausted", ids, err)
					}
				} else {
					etcdtest.Eventually(t, func() bool { return counterAt(t, server, key).Last == test.mark+n }, "no window was fetched")
				}
				o.issuer.Stop() // what is under way has ended
				if err := o.issuer.LetGo(t.Context()); err != nil {
					t.Error(err)
				}
			})
			if test.many {
				raisedAll(t, a, []operate.Goal{{Key: key, To: test.to}})
			} else if _, err := a.Raise(t.Context(), key, test.to); err != nil {
				t.Fatal(err)
			}
			if rec := counterAt(t, server, key); rec.Last < test.to {
				t.Errorf("the counter is %+v after a raise to %d and its owner's end", rec, test.to)
			}
			if got := etcdtest.Get(t, server, "/seqd/v1/sessions/w1"); got != "" {
				t.Errorf("the session is %s", got)
			}
		})
	}
}

// An owner that stands still has its lease to the end. Then it issues nothing
// more, and its session is ended.
func TestRaiseWhenTheOwnerStandsStill(t *testing.T) {
	server := servers.StartEtcd(t)
	o := startOwner(t, server.Connect(t), "w1", lease, 1000)
	o.next(t, key, 1)
	var waits []operate.Wait
	a := operate.New(server.Connect(t), "").Telling(func(w operate.Wait) { waits = append(waits, w) })
	begin := time.Now()
	change, err := a.Raise(t.Context(), key, 500)
	took := time.Since(begin)
	if err != nil || change.Is != 1001 {
		t.Fatalf("got %+v, %v", change, err)
	}
	if ids, ok := o.take(key, 1); ok {
		t.Errorf("issued %v after the raise", ids)
	}
	if took < stood || took > 5*stood {
		t.Errorf("took %v, want %v", took, stood)
	}
	if got := etcdtest.Get(t, server, "/seqd/v1/sessions/w1"); got != "" {
		t.Errorf("the session is %s", got)
	}
	if len(waits) != 1 || !slices.Equal(waits[0].Owners, []string{"w1"}) || waits[0].Keys != 1 || waits[0].AtMost != stood {
		t.Errorf("told of %+v", waits)
	}

	next := startOwner(t, server.Connect(t), "w2", lease, 1000)
	if ids := next.next(t, key, 1); ids.First != 1002 {
		t.Errorf("the next owner issues %v", ids)
	}
	o.renew(t) // and the one that stood still goes on
	if ids := o.next(t, other, 1); ids.First != 1 {
		t.Errorf("got %v", ids)
	}
}

// An owner without a session has stopped: nobody is waited for, and the record is
// written as one that nobody owns, which versions that know no owners read too.
func TestRaiseWhenTheOwnerHasGone(t *testing.T) {
	server := servers.StartEtcd(t)
	o := startOwner(t, server.Connect(t), "w1", time.Hour, 10)
	o.next(t, key, 10) // nothing is left to be given back
	if err := o.issuer.LetGo(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := operate.New(server.Connect(t), "").Telling(func(w operate.Wait) { t.Errorf("waits for %+v", w) })
	change, err := a.Raise(t.Context(), key, 100)
	if want := (operate.Change{Key: key, Was: 10, Is: 100}); err != nil || change != want {
		t.Fatalf("got %+v, %v, want %+v", change, err, want)
	}
	if ids := startOwner(t, server.Connect(t), "w2", time.Hour, 10).next(t, key, 1); ids.First != 101 {
		t.Errorf("the next owner issues %v", ids)
	}
}

// A window was reserved before a raise, and its answer came to the owner after the
// operator's word: it is dropped with what the owner held.
func TestWindowOnItsWay(t *testing.T) {
	server := servers.StartEtcd(t)
	client := server.Connect(t)
	kv := &heldKV{KV: client.KV, hold: make(chan struct{}, 1), free: make(chan struct{})}
	client.KV = kv
	o := startOwner(t, client, "w1", time.Hour, 1000)
	o.next(t, key, 1)
	kv.hold <- struct{}{}
	if _, ok := o.take(key, 500); !ok { // half is spent: the next window is fetched
		t.Fatal("it holds nothing")
	}
	etcdtest.Eventually(t, func() bool { return counterAt(t, server, key).Last == 2000 }, "no window was fetched")
	a := operate.New(server.Connect(t), "").Telling(func(operate.Wait) { o.serve(t, 10*time.Millisecond) })
	change, err := a.Raise(t.Context(), key, 1500)
	if err != nil || change.Is != 2001 {
		t.Fatalf("got %+v, %v", change, err)
	}
	close(kv.free)
	if ids := o.next(t, key, 1); ids.First <= 1500 {
		t.Errorf("issued %v after the raise", ids)
	}
}
