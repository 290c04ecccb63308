package operate_test

import (
	"context"
	"errors"
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
