package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
)

// tenant is a process that owns keys, or none if its lease is 0.
type tenant struct {
	t       *testing.T
	id      string
	counter *etcd.Counter
	*allocator.Issuer
	took [allocator.Takeovers]atomic.Int64
}

func newTenant(t *testing.T, server *servers.Etcd, id string, lease time.Duration) *tenant {
	t.Helper()
	return newTenantOn(t, server.Connect(t), id, lease)
}

func newTenantOn(t *testing.T, client *clientv3.Client, id string, lease time.Duration) *tenant {
	t.Helper()
	p := &tenant{t: t, id: id}
	p.counter = etcd.NewCounter(client, etcd.Config{Writer: id, Lease: lease})
	t.Cleanup(p.counter.Close)
	p.Issuer = allocator.NewIssuer(p.counter, allocator.IssuerConfig{Peers: true, Observer: p})
	t.Cleanup(p.Stop)
	etcdtest.MustReady(t, p.counter)
	p.renew()
	return p
}

func (p *tenant) Batch(string, int, int)                    {}
func (p *tenant) Segment(string, int)                       {}
func (p *tenant) Skipped(string, int, allocator.Gap)        {}
func (p *tenant) TookOver(_ string, why allocator.Takeover) { p.took[why].Add(1) }

func (p *tenant) renew() {
	p.t.Helper()
	if err := p.Renew(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// told is what became of a request.
type told struct {
	ids allocator.Range
	err error
}

type heard chan told

func (h heard) Allocated(_ *allocator.Request, ids allocator.Range, err error) { h <- told{ids, err} }

// request asks by one of the issuer's ways, after asked was asked in vain.
func request(allocate func(*allocator.Request), key allocator.Key, n int, asked string) heard {
	h := make(heard, 1)
	allocate(&allocator.Request{
		Key: key, N: n, Deadline: time.Now().Add(pace.Patience), Waiter: h, Direct: asked != "", Asked: asked,
	})
	return h
}

// want waits for ids that begin with first.
func (p *tenant) want(h heard, first int64, n int) {
	p.t.Helper()
	got := <-h
	if want := (told{allocator.Range{First: first, N: n}, nil}); got != want {
		p.t.Fatalf("%s got %v, want %v", p.id, got, want)
	}
}

// wantOwner waits for word that another process owns the key.
func (p *tenant) wantOwner(h heard, owner string) {
	p.t.Helper()
	got := <-h
	if lost, ok := errors.AsType[*allocator.LostRace](got.err); !ok || *lost != (allocator.LostRace{Winner: owner, Owner: true}) {
		p.t.Fatalf("%s got %v, want the owner %s", p.id, got, owner)
	}
}

func (p *tenant) wantTaken(key allocator.Key, first int64, n int) {
	p.t.Helper()
	ids, owner, ok := p.TakeOwned(key, n, 0, time.Now())
	if want := (allocator.Range{First: first, N: n}); !ok || owner != "" || ids != want {
		p.t.Fatalf("%s took %v of %q, %v; want %v", p.id, ids, owner, ok, want)
	}
}

const counterPath, sessionsPath = "/seqd/v1/counters/demo/key666", "/seqd/v1/sessions/"

func wantStored(t *testing.T, server *servers.Etcd, path, want string) {
	t.Helper()
	if got := etcdtest.Get(t, server, path); got != want {
		t.Errorf("%s holds %q, want %q", path, got, want)
	}
}

// An owner spends its window for both modes; everybody else is told who it is,
// with a lease or without.
func TestOwnedKey(t *testing.T) {
	server := servers.StartEtcd(t)
	a, b, c := newTenant(t, server, "a", time.Minute), newTenant(t, server, "b", time.Minute), newTenant(t, server, "c", 0)
	wantStored(t, server, sessionsPath+"a", `{"fmt":1,"lease_ms":60000}`)
	wantStored(t, server, sessionsPath+"c", "")

	a.want(request(a.AllocateOwned, key, 1, ""), 1, 1)
	wantStored(t, server, counterPath, `{"fmt":2,"last":10,"by":"a","owner":"a"}`)
	a.wantTaken(key, 2, 3)

	b.wantOwner(request(b.AllocateOwned, key, 1, ""), "a")
	if _, owner, ok := b.TakeOwned(key, 1, 0, time.Now()); ok || owner != "a" {
		t.Errorf("b took of %q, %v; want a", owner, ok)
	}
	c.wantOwner(request(c.AllocateStrong, key, 1, ""), "a")
	c.wantOwner(request(c.AllocateWeak, key, 1, ""), "a")
	if rival := c.Rival(key); rival != "a" {
		t.Errorf("c asks %q, want a", rival)
	}
	wantStored(t, server, counterPath, `{"fmt":2,"last":10,"by":"a","owner":"a"}`)
	if a.OwnedKeys() != 1 || b.OwnedKeys() != 0 {
		t.Errorf("a owns %d keys, b %d; want 1 and none", a.OwnedKeys(), b.OwnedKeys())
	}
}

// Who lets go gives back what it has not issued, and the next owner or a process
// without a lease goes on there, though it was told of the owner just before.
func TestLetGo(t *testing.T) {
	server := servers.StartEtcd(t)
	a, b, c := newTenant(t, server, "a", time.Minute), newTenant(t, server, "b", time.Minute), newTenant(t, server, "c", 0)
	a.want(request(a.AllocateOwned, key, 1, ""), 1, 1)
	b.wantOwner(request(b.AllocateOwned, key, 1, ""), "a")
	if err := a.LetGo(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantStored(t, server, counterPath, `{"fmt":1,"last":1,"by":"a"}`)
	wantStored(t, server, sessionsPath+"a", "")
	if ids, _, ok := a.TakeOwned(key, 1, 0, time.Now()); ok {
		t.Errorf("a took %v after it had let go", ids)
	}
	b.Refused(key, "a")
	b.want(request(b.AllocateOwned, key, 1, "a"), 2, 1)
	wantStored(t, server, counterPath, `{"fmt":2,"last":11,"by":"b","owner":"b"}`)
	if err := b.LetGo(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.want(request(c.AllocateStrong, key, 1, "b"), 3, 1)
	c.want(request(c.AllocateWeak, key, 1, ""), 4, 1)

	// And back: a owns again what c counted on meanwhile.
	a.renew()
	a.want(request(a.AllocateOwned, key, 1, ""), 14, 1)
	a.wantTaken(key, 15, 1)
}

// A session that stands still is ended by who wants the keys, and not before it
// has stood still for the lease and a tenth by its own clock.
func TestTakeover(t *testing.T) {
	const lease = 300 * time.Millisecond
	server := servers.StartEtcd(t)
	a, b := newTenant(t, server, "a", lease), newTenant(t, server, "b", time.Minute)
	stop := keepRenewing(a)
	a.want(request(a.AllocateOwned, key, 1, ""), 1, 1)
	other := allocator.Key{Store: "demo", Name: "other"}
	a.want(request(a.AllocateOwned, other, 1, ""), 1, 1)
	stop()

	began := time.Now()
	b.want(request(b.AllocateOwned, key, 1, "a"), 11, 1)
	if took := time.Since(began); took < lease+lease/10 {
		t.Errorf("taken over after %v", took)
	}
	if ids, _, ok := a.TakeOwned(key, 1, 0, time.Now()); ok {
		t.Errorf("a took %v after b had taken over", ids)
	}
	wantStored(t, server, counterPath, `{"fmt":2,"last":20,"by":"b","owner":"b"}`)
	wantStored(t, server, sessionsPath+"a", "")

	// Its other keys are free, without a wait and without being asked again.
	b.want(request(b.AllocateOwned, other, 1, ""), 11, 1)
	if n := b.took[allocator.TakeoverStood].Load(); n != 2 {
		t.Errorf("%d keys taken over from who stood still, want 2", n)
	}

	// The same process wins again, in another tenure.
	stop = keepRenewing(a)
	defer stop()
	a.wantOwner(request(a.AllocateOwned, key, 1, ""), "b")
	third := allocator.Key{Store: "demo", Name: "third"}
	a.want(request(a.AllocateOwned, third, 1, ""), 1, 1)
	if ids, _, ok := a.TakeOwned(other, 1, 0, time.Now()); ok {
		t.Errorf("a took %v of a window of its former tenure", ids)
	}
	// b took it for gone: it finds out that it is not.
	b.wantOwner(request(b.AllocateOwned, third, 1, ""), "a")
}

// While its session is renewed an owner is not replaced, and who waits for that
// is told to ask it again.
func TestRenewedMeanwhile(t *testing.T) {
	server := servers.StartEtcd(t)
	a, b := newTenant(t, server, "a", time.Minute), newTenant(t, server, "b", time.Minute)
	a.want(request(a.AllocateOwned, key, 1, ""), 1, 1)
	h := request(b.AllocateOwned, key, 1, "a")
	for {
		select {
		case got := <-h:
			if lost, ok := errors.AsType[*allocator.LostRace](got.err); !ok || lost.Winner != "a" {
				t.Fatalf("got %v, want the owner a", got)
			}
			a.wantTaken(key, 2, 1)
			return
		default: // not the issuer's, which would let go of the key
			if err := a.counter.Renew(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Keys that are not used are let go of, with what is left of their windows.
func TestIdleKeysAreLetGo(t *testing.T) {
	server := servers.StartEtcd(t)
	a := newTenant(t, server, "a", time.Minute)
	used := allocator.Key{Store: "demo", Name: "used"}
	a.want(request(a.AllocateOwned, key, 2, ""), 1, 2)
	a.want(request(a.AllocateOwned, used, 1, ""), 1, 1)
	for i := 0; etcdtest.Get(t, server, counterPath) != `{"fmt":1,"last":2,"by":"a"}`; i++ {
		if i == 10_000 {
			t.Fatal("the key was not let go of")
		}
		if _, _, ok := a.TakeOwned(used, 1, 0, time.Now()); !ok { // the next window is on its way
			if got := <-request(a.AllocateOwned, used, 1, ""); got.err != nil {
				t.Fatal(got.err)
			}
		}
		a.renew()
	}
	a.want(request(a.AllocateOwned, key, 1, ""), 3, 1)
}

// An operator's word in the session ends the windows it names, and others not.
func TestToldToLetGo(t *testing.T) {
	server := servers.StartEtcd(t)
	a := newTenant(t, server, "a", time.Minute)
	other := allocator.Key{Store: "demo", Name: "other"}
	a.want(request(a.AllocateOwned, key, 1, ""), 1, 1)
	a.want(request(a.AllocateOwned, other, 1, ""), 1, 1)
	etcdtest.Put(t, server, counterPath, `{"fmt":2,"last":1000,"by":"admin","owner":"a"}`)
	etcdtest.Put(t, server, sessionsPath+"a", `{"fmt":1,"lease_ms":60000,"let_go":["demo/key666"]}`)
	a.renew()
	wantStored(t, server, sessionsPath+"a", `{"fmt":1,"lease_ms":60000}`)
	if ids, owner, ok := a.TakeOwned(key, 1, 0, time.Now()); ok || owner != "" {
		t.Errorf("a took %v of %q after it was told to let go", ids, owner)
	}
	a.want(request(a.AllocateOwned, key, 1, ""), 1001, 1)
	a.wantTaken(other, 2, 1)

	etcdtest.Put(t, server, sessionsPath+"a", `{"fmt":1,"lease_ms":60000,"let_go":["*"]}`)
	a.renew()
	if ids, _, ok := a.TakeOwned(other, 1, 0, time.Now()); ok {
		t.Errorf("a took %v after it was told to let go of all", ids)
	}
	a.want(request(a.AllocateOwned, other, 1, ""), 11, 1)
}

// A claim whose session has been ended meanwhile reserves nothing.
func TestClaimWithoutSession(t *testing.T) {
	server := servers.StartEtcd(t)
	a := newTenant(t, server, "a", time.Minute)
	if _, err := server.Connect(t).Delete(t.Context(), sessionsPath+"a"); err != nil {
		t.Fatal(err)
	}
	h := request(a.AllocateOwned, key, 1, "")
	etcdtest.Eventually(t, func() bool { return a.counter.Stats().Swaps[etcd.SwapLost] > 0 }, "nothing was tried")
	wantStored(t, server, counterPath, "")
	a.renew()
	a.want(h, 1, 1)
}

// Many keys' windows share transactions, those of a dead owner's keys too.
func TestManyWindows(t *testing.T) {
	const lease, keys = 300 * time.Millisecond, 1000
	server := servers.StartEtcd(t)
	a, b := newTenant(t, server, "a", lease), newTenant(t, server, "b", time.Minute)
	all := func(p *tenant, first int64, asked string) (transactions uint64) {
		before := p.counter.Stats().Sizes.Count // not of renewals, and not of looks at sessions
		var got []heard
		for i := range keys {
			got = append(got, request(p.AllocateOwned, allocator.Key{Store: "s", Name: fmt.Sprint(i)}, 1, asked))
		}
		for _, h := range got {
			p.want(h, first, 1)
		}
		return p.counter.Stats().Sizes.Count - before
	}
	stop := keepRenewing(a)
	if n := all(a, 1, ""); n > keys/20 {
		t.Errorf("%d keys were claimed in %d transactions", keys, n)
	}
	stop()
	if n := all(b, 11, "a"); n > keys/10 { // each is found to be owned first
		t.Errorf("%d keys were taken over in %d transactions", keys, n)
	}
}

// keepRenewing renews until stop is called.
func keepRenewing(p *tenant) (stop func()) {
	ctx, cancel := context.WithCancel(p.t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			_ = p.counter.Renew(ctx) // not the issuer's, which would let go of idle keys
		}
	})
	return sync.OnceFunc(func() { cancel(); done.Wait() })
}
