package operate_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
)

// owner is all of a worker that an operator meets with: a Counter with a lease,
// and the Issuer that draws from it.
type owner struct {
	id      string
	lease   time.Duration
	counter *etcd.Counter
	issuer  *allocator.Issuer
}

// startOwner returns an owner that has a session and owns nothing yet. It renews
// the session only where a test has it do so.
func startOwner(t *testing.T, client *clientv3.Client, id string, lease time.Duration, segment int) *owner {
	t.Helper()
	c := etcd.NewCounter(client, etcd.Config{Writer: id, Lease: lease, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	t.Cleanup(c.Close)
	o := &owner{id: id, lease: lease, counter: c, issuer: allocator.NewIssuer(c, allocator.IssuerConfig{
		Segments: func(allocator.Key) allocator.Segments {
			return allocator.Segments{Min: segment, Max: segment}
		},
	})}
	t.Cleanup(o.issuer.Stop)
	etcdtest.Eventually(t, func() bool { return c.Ready(t.Context()) == nil }, "not ready")
	o.renew(t)
	return o
}

func (o *owner) renew(t testing.TB) {
	t.Helper()
	if err := o.issuer.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// serve renews the session every so often, until the test ends, and each time asks
// for used keys first: others are let go of after a while.
func (o *owner) serve(t testing.TB, every time.Duration, used ...allocator.Key) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for ctx.Err() == nil {
			for _, key := range used {
				o.take(key, 1)
			}
			_ = o.issuer.Renew(ctx) // as a worker: the next one may do
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// take is a request that comes now and is served from memory, or not at all.
func (o *owner) take(key allocator.Key, n int) (ids allocator.Range, ok bool) {
	ids, _, ok = o.issuer.TakeOwned(key, n, 0, time.Now())
	return ids, ok
}

type allocated chan struct {
	ids allocator.Range
	err error
}

func (w allocated) Allocated(_ *allocator.Request, ids allocator.Range, err error) {
	w <- struct {
		ids allocator.Range
		err error
	}{ids, err}
}

// ask is a request that comes now, and its outcome.
func (o *owner) ask(key allocator.Key, n int, asked string) (allocator.Range, error) {
	w := make(allocated, 1)
	o.issuer.AllocateOwned(&allocator.Request{
		Key: key, N: n, Deadline: time.Now().Add(pace.Patience), Waiter: w, Direct: asked != "", Asked: asked,
	})
	out := <-w
	return out.ids, out.err
}

// next is a request that comes now, and that no other worker takes off its hands.
func (o *owner) next(t testing.TB, key allocator.Key, n int) allocator.Range {
	t.Helper()
	if ids, ok := o.take(key, n); ok {
		return ids
	}
	for begin, asked := time.Now(), ""; ; {
		ids, err := o.ask(key, n, asked)
		lost, isLost := errors.AsType[*allocator.LostRace](err)
		switch {
		case err == nil:
			return ids
		case isLost && time.Since(begin) < pace.Patience:
			asked = lost.Winner
		default:
			t.Errorf("%s asks for %v: %v", o.id, key, err)
			return allocator.Range{}
		}
	}
}

// heldKV holds one answer of etcd back.
type heldKV struct {
	clientv3.KV
	hold chan struct{} // has room for one; the next transaction takes it
	free chan struct{} // closed: the answer goes on
}

func (kv *heldKV) Txn(ctx context.Context) clientv3.Txn {
	return &heldTxn{kv.KV.Txn(ctx), kv}
}

type heldTxn struct {
	clientv3.Txn
	kv *heldKV
}

func (t *heldTxn) If(cs ...clientv3.Cmp) clientv3.Txn { t.Txn = t.Txn.If(cs...); return t }
func (t *heldTxn) Then(o ...clientv3.Op) clientv3.Txn { t.Txn = t.Txn.Then(o...); return t }
func (t *heldTxn) Else(o ...clientv3.Op) clientv3.Txn { t.Txn = t.Txn.Else(o...); return t }
func (t *heldTxn) Commit() (*clientv3.TxnResponse, error) {
	held := false
	select {
	case <-t.kv.hold:
		held = true
	default:
	}
	resp, err := t.Txn.Commit()
	if held {
		<-t.kv.free
	}
	return resp, err
}

// counterAt returns a counter's record.
func counterAt(t testing.TB, server *servers.Etcd, key allocator.Key) record.Counter {
	t.Helper()
	rec, err := record.DecodeCounter([]byte(etcdtest.Get(t, server, "/seqd/v1/counters/"+key.Store+"/"+key.Name)))
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// toldTo returns what a worker is told to let go of.
func toldTo(t testing.TB, server *servers.Etcd, id string) []string {
	t.Helper()
	value := etcdtest.Get(t, server, "/seqd/v1/sessions/"+id)
	if value == "" {
		return nil
	}
	s, err := record.DecodeSession([]byte(value))
	if err != nil {
		t.Fatal(err)
	}
	return s.LetGo
}
