package operate_test

import (
	"context"
	"errors"
	"fmt"
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
	}{
		{"within the window", 0, 900, n + 1},
		{"to its end", 0, n, n + 1},
		{"with no id above", math.MaxInt64 - n, math.MaxInt64 - 100, math.MaxInt64},
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
			if _, err := a.Raise(t.Context(), key, test.to); err != nil {
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

// Two operators raise two counters of one owner before it hears of either: it
// lets go of both.
func TestTwoOperators(t *testing.T) {
	server := servers.StartEtcd(t)
	o := startOwner(t, server.Connect(t), "w1", time.Hour, 1000)
	o.next(t, key, 1)
	o.next(t, other, 1)
	var all sync.WaitGroup
	for _, k := range []allocator.Key{key, other} {
		a := operate.New(server.Connect(t), "")
		all.Go(func() {
			if _, err := a.Raise(t.Context(), k, 500); err != nil {
				t.Error(err)
			}
		})
	}
	etcdtest.Eventually(t, func() bool { return len(toldTo(t, server, "w1")) == 2 }, "not both have told")
	o.serve(t, 10*time.Millisecond) // again, should an answer come too late to an operator
	all.Wait()
	for _, k := range []allocator.Key{key, other} {
		if ids, ok := o.take(k, 1); ok {
			t.Errorf("%v: issued %v from before", k, ids)
		}
		if ids := o.next(t, k, 1); ids.First <= 500 {
			t.Errorf("%v: got %v", k, ids)
		}
	}
}

// What a second operator writes in the session of an owner that stands still is no
// renewal: the first one goes on waiting.
func TestTwoOperatorsOfAnOwnerThatStandsStill(t *testing.T) {
	server := servers.StartEtcd(t)
	o := startOwner(t, server.Connect(t), "w1", lease, 1000)
	o.next(t, key, 1)
	o.next(t, other, 1)
	var all sync.WaitGroup
	for i, k := range []allocator.Key{key, other} {
		a := operate.New(server.Connect(t), "")
		etcdtest.Eventually(t, func() bool { return len(toldTo(t, server, "w1")) == i }, "the first has not told")
		all.Go(func() {
			begin := time.Now()
			if _, err := a.Raise(t.Context(), k, 500); err != nil {
				t.Error(err)
			}
			if ids, ok := o.take(k, 1); ok {
				t.Errorf("%v: issued %v from before", k, ids)
			}
			if took := time.Since(begin); took < stood {
				t.Errorf("%v: took %v, want %v at least", k, took, stood)
			}
		})
	}
	all.Wait()
}

// An owner had read an operator's word, and had not renewed its session yet, when
// it reserved more; then the next operator raised the mark and found his word
// there already. It was taken for his own.
func TestWordThatWasReadBefore(t *testing.T) {
	server := servers.StartEtcd(t)
	client := server.Connect(t)
	var lose atomic.Bool
	seen := 0
	client.KV = &etcdtest.LossyKV{KV: client.KV, Spoil: func() (bool, error) {
		if lose.Load() {
			if seen++; seen == 2 {
				return true, errors.New("not sent")
			}
		}
		return false, nil
	}}
	o := startOwner(t, client, "w1", time.Hour, 1000)
	o.next(t, key, 1)
	etcdtest.Put(t, server, "/seqd/v1/sessions/w1", `{"fmt":1,"lease_ms":3600000,"let_go":["demo/key666"]}`)
	lose.Store(true)
	if err := o.issuer.Renew(t.Context()); err == nil {
		t.Fatal("the session was renewed")
	}
	lose.Store(false)
	if ids := o.next(t, key, 1); ids.First != 1001 {
		t.Fatalf("got %v", ids)
	}
	// The owner renews its session once the operator has read it, and is about to
	// write.
	writes := make(chan struct{}, 10)
	operator := server.Connect(t)
	operator.KV = &etcdtest.LossyKV{KV: operator.KV, Spoil: func() (bool, error) { writes <- struct{}{}; return false, nil }}
	a := operate.New(operator, "").Telling(func(operate.Wait) {
		<-writes // of the mark
		go func() {
			select {
			case <-writes:
			case <-time.After(stood): // it writes nothing
			}
			o.serve(t, time.Millisecond, key)
		}()
	})
	if _, err := a.Raise(t.Context(), key, 1500); err != nil {
		t.Fatal(err)
	}
	if ids := o.next(t, key, 1); ids.First <= 1500 {
		t.Errorf("issued %v after the raise", ids)
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

// Every other answer to the operator is lost, and every other question on its
// way, while the owner renews its session every 20 ms.
func TestRaiseWhoseAnswersAreLost(t *testing.T) {
	server := servers.StartEtcd(t)
	o := startOwner(t, server.Connect(t), "w1", lease, 1000)
	o.serve(t, lease/30, key)
	client := server.Connect(t)
	losses := 0
	client.KV = &etcdtest.LossyKV{KV: client.KV, Spoil: func() (bool, error) {
		if losses++; losses%3 != 0 {
			return losses%3 == 1, errors.New("lost")
		}
		return false, nil
	}}
	a := operate.New(client, "")
	owned := 0
	for range 10 {
		first := o.next(t, key, 1).First
		change, err := a.Raise(t.Context(), key, first+100)
		if change.Owner == "w1" {
			owned++
		}
		if err != nil || change.Is < first+100 {
			t.Errorf("got %+v, %v after %d", change, err, first)
		}
		if ids := o.next(t, key, 1); ids.First <= first+100 {
			t.Errorf("got %v after a raise to %d", ids, first+100)
		}
	}
	if owned == 0 {
		t.Error("nobody owned it")
	}
}

// Where an owner can't be asked, the command says what is done and what is not.
// Done again, it keeps the promise.
func TestRaiseWhenEtcdGoesAway(t *testing.T) {
	server := servers.StartEtcd(t)
	o := startOwner(t, server.Connect(t), "w1", time.Hour, 1000)
	o.next(t, key, 1)
	ctx, cancel := context.WithCancel(t.Context())
	a := operate.New(server.Connect(t), "").Telling(func(operate.Wait) { server.Stop(); cancel() })
	_, err := a.Raise(ctx, key, 500)
	held, ok := errors.AsType[*operate.HeldError](err)
	if !ok || !slices.Equal(held.Owners, []string{"w1"}) || !errors.Is(err, allocator.ErrUnavailable) {
		t.Fatalf("got %v, want a HeldError", err)
	}
	server.Start(t)
	if rec := counterAt(t, server, key); rec.Last != 1001 || rec.Owner != "w1" {
		t.Errorf("the counter is %+v", rec)
	}
	a = operate.New(server.Connect(t), "").Telling(func(operate.Wait) { o.serve(t, time.Millisecond) })
	if _, err := a.Raise(t.Context(), key, 500); err != nil {
		t.Fatal(err)
	}
	if ids := o.next(t, key, 1); ids.First <= 500 {
		t.Errorf("got %v", ids)
	}
}

// A session that is not understood is left alone, by the operator and by its own
// worker: a newer version may have written what the other one must not lose.
func TestSessionThatIsNotUnderstood(t *testing.T) {
	server := servers.StartEtcd(t)
	o := startOwner(t, server.Connect(t), "w1", time.Hour, 1000)
	o.next(t, key, 1)
	const path, value = "/seqd/v1/sessions/w1", `{"fmt":9}`
	etcdtest.Put(t, server, path, value)
	_, err := operate.New(server.Connect(t), "").Raise(t.Context(), key, 500)
	if _, held := errors.AsType[*operate.HeldError](err); !held || !errors.Is(err, allocator.ErrUnreadable) {
		t.Errorf("got %v, want a HeldError for a session that is not understood", err)
	}
	for range 2 {
		if err := o.issuer.Renew(t.Context()); !errors.Is(err, allocator.ErrUnreadable) {
			t.Errorf("renewed: %v", err)
		}
	}
	if got := etcdtest.Get(t, server, path); got != value {
		t.Errorf("the session is %s", got)
	}
	if rec := counterAt(t, server, key); rec.Last != 1001 || rec.Owner != "w1" {
		t.Errorf("the counter is %+v", rec)
	}
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
