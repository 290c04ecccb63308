package etcd_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/integration/servers"
)

// asking asks an issuer for what has a Once, and keeps the outcomes.
type asking struct {
	issuer *allocator.Issuer
	owned  bool
}

type onceTold struct {
	ids      allocator.Range
	replayed bool
	err      error
}

type tellsOnce chan onceTold

func (c tellsOnce) Allocated(r *allocator.Request, ids allocator.Range, err error) {
	c <- onceTold{ids, r.Replayed, err}
}

func (a asking) start(key allocator.Key, n int, once string, weak bool) tellsOnce {
	done := make(tellsOnce, 1)
	a.issuer.AllocateOnce(&allocator.Request{
		Key: key, N: n, Deadline: time.Now().Add(5 * time.Second), Waiter: done,
		Once: &allocator.Once{Key: once, Weak: weak, Window: 10 * time.Minute},
	}, a.owned)
	return done
}

func (a asking) ask(t *testing.T, key allocator.Key, n int, once string, weak bool) onceTold {
	t.Helper()
	return <-a.start(key, n, once, weak)
}

// newAsking returns one over a Counter of its own, with a session if it is to own
// what it asks for.
func newAsking(t *testing.T, server *servers.Etcd, id string, owned bool) asking {
	t.Helper()
	c := etcd.NewCounter(server.Connect(t), etcd.Config{Writer: id, Lease: time.Minute})
	issuer := allocator.NewIssuer(c, allocator.IssuerConfig{})
	t.Cleanup(func() { issuer.Stop(); c.Close() })
	if owned {
		if err := errors.Join(c.Ready(t.Context()), issuer.Renew(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	return asking{issuer, owned}
}

func TestSameAnswerOnARepeat(t *testing.T) {
	server := servers.StartEtcd(t)
	client := server.Connect(t)
	for _, owned := range []bool{false, true} {
		t.Run(fmt.Sprintf("owned=%v", owned), func(t *testing.T) {
			a := newAsking(t, server, fmt.Sprintf("a-%v", owned), owned)
			key := allocator.Key{Store: "orders", Name: fmt.Sprintf("k-%v", owned)}
			first := a.ask(t, key, 3, "one/µ", false)
			if first.err != nil || first.replayed || first.ids != (allocator.Range{First: 1, N: 3}) {
				t.Fatalf("got %+v", first)
			}
			// The record was made in the transaction that has reserved the ids.
			answers := all(t, client, "/seqd/v1/answers/orders/"+key.Name+"/")
			counters := all(t, client, "/seqd/v1/counters/orders/"+key.Name)
			if len(answers.Kvs) != 1 || answers.Kvs[0].ModRevision != counters.Kvs[0].ModRevision {
				t.Fatalf("answers %v, counters %v", answers.Kvs, counters.Kvs)
			}
			if answers.Kvs[0].Lease == 0 || counters.Kvs[0].Lease != 0 {
				t.Errorf("the answer has lease %x, the counter %x", answers.Kvs[0].Lease, counters.Kvs[0].Lease)
			}
			if got, want := string(answers.Kvs[0].Value), `{"fmt":1,"id":1,"n":3,"mode":"strong"}`; got != want {
				t.Errorf("the answer is %s, want %s", got, want)
			}
			if again := a.ask(t, key, 3, "one/µ", false); again.err != nil || !again.replayed || again.ids != first.ids {
				t.Errorf("the repeat got %+v", again)
			}
			for _, other := range []onceTold{a.ask(t, key, 2, "one/µ", false), a.ask(t, key, 3, "one/µ", true)} {
				if !errors.Is(other.err, allocator.ErrReused) {
					t.Errorf("another request with its key got %+v", other)
				}
			}
			if got := a.ask(t, key, 1, "two", false); got.err != nil || got.ids.First != 4 {
				t.Errorf("the next one got %+v", got)
			}
		})
	}
}

func all(t *testing.T, client *clientv3.Client, prefix string) *clientv3.GetResponse {
	t.Helper()
	resp, err := client.Get(t.Context(), prefix, clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// Requests that are made at once share transactions, whether or not some of them
// were made before, or twice at a time.
func TestOnceInBatches(t *testing.T) {
	server := servers.StartEtcd(t)
	client := server.Connect(t)
	a := newAsking(t, server, "a", false)
	key := allocator.Key{Store: "orders", Name: "k"}
	const requests = 300
	before := all(t, client, "/seqd/").Header.Revision
	var first, again []tellsOnce
	for i := range requests {
		first = append(first, a.start(key, 1+i%3, fmt.Sprint(i), i%2 == 0))
		again = append(again, a.start(key, 1+i%3, fmt.Sprint(i), i%2 == 0))
	}
	seen := map[int64]int{}
	for i := range requests {
		x, y := <-first[i], <-again[i]
		if x.err != nil || y.err != nil || x.ids != y.ids || x.replayed == y.replayed {
			t.Fatalf("request %d got %+v, and its repeat %+v", i, x, y)
		}
		for id := x.ids.First; id <= x.ids.Last(); id++ {
			seen[id]++
		}
	}
	if len(seen) != 2*requests {
		t.Errorf("%d ids, want %d", len(seen), 2*requests)
	}
	if wrote := all(t, client, "/seqd/").Header.Revision - before; wrote > 20 {
		t.Errorf("%d requests took %d transactions", requests, wrote)
	}
}

// A key without ids left still answers what it has answered before.
func TestRepeatOfAnExhaustedKey(t *testing.T) {
	server := servers.StartEtcd(t)
	a := newAsking(t, server, "a", false)
	key := allocator.Key{Store: "orders", Name: "k"}
	if _, err := server.Connect(t).Put(t.Context(), "/seqd/v1/counters/orders/k", `{"fmt":1,"last":9223372036854775805,"by":"x"}`); err != nil {
		t.Fatal(err)
	}
	first := a.ask(t, key, 2, "one", false)
	if first.err != nil {
		t.Fatal(first.err)
	}
	var other, repeat []tellsOnce
	for i := range 5 {
		other = append(other, a.start(key, 1, fmt.Sprint("other", i), false))
		repeat = append(repeat, a.start(key, 2, "one", false))
	}
	for i := range other {
		if got := <-other[i]; !errors.Is(got.err, allocator.ErrExhausted) {
			t.Errorf("got %+v", got)
		}
		if got := <-repeat[i]; got.err != nil || got.ids != first.ids || !got.replayed {
			t.Errorf("the repeat got %+v", got)
		}
	}
	if got := len(all(t, server.Connect(t), "/seqd/v1/answers/").Kvs); got != 1 {
		t.Errorf("%d answers are recorded", got)
	}
}

// The ids that an owner holds are below those that a request with a Once gets: once
// that is answered they are given to nobody.
func TestOnceOvertakesWindows(t *testing.T) {
	server := servers.StartEtcd(t)
	a := newAsking(t, server, "a", true)
	key := allocator.Key{Store: "orders", Name: "k"}
	last := int64(0)
	for i := range 20 {
		got := a.ask(t, key, 1, fmt.Sprint(i), false)
		if got.err != nil || got.ids.First <= last {
			t.Fatalf("got %+v after %d", got, last)
		}
		last = got.ids.Last()
		w := make(tellsOnce, 1)
		a.issuer.AllocateOwned(&allocator.Request{Key: key, N: 1, Deadline: time.Now().Add(5 * time.Second), Waiter: w})
		if got := <-w; got.err != nil || got.ids.First <= last {
			t.Fatalf("got %+v after %d", got, last)
		} else {
			last = got.ids.Last()
		}
	}
}

// Periods: the mark of a record, or of who asks, whichever is later.
func TestPeriods(t *testing.T) {
	server := servers.StartEtcd(t)
	client := server.Connect(t)
	counting := func(allocator.Key) etcd.Counting {
		return etcd.Counting{Limit: 9, Period: func(time.Time) allocator.Period { return 1 }}
	}
	c := etcd.NewCounter(client, etcd.Config{Writer: "w", Counting: counting})
	defer c.Close()
	issuer := allocator.NewIssuer(c, allocator.IssuerConfig{})
	defer issuer.Stop()
	key := allocator.Key{Store: "orders", Name: "k"}
	ask := func(above int64, n int) (allocator.Range, error) {
		w := make(tellsOnce, 1)
		issuer.AllocateStrong(&allocator.Request{Key: key, N: n, Above: above, Deadline: time.Now().Add(5 * time.Second), Waiter: w})
		got := <-w
		return got.ids, got.err
	}
	october, november := allocator.PeriodOf(2026, 10, 1), allocator.PeriodOf(2026, 11, 1)
	for _, c := range []struct {
		of    allocator.Period
		n     int
		first int64
	}{{october, 2, october.Mark(1)}, {october, 1, october.Mark(3)}, {november, 1, november.Mark(1)}, {october, 1, november.Mark(2)}} {
		if ids, err := ask(c.of.Mark(0), c.n); err != nil || ids.First != c.first {
			t.Errorf("got %v, %v, want %d", ids, err, c.first)
		}
	}
	if got, want := string(all(t, client, "/seqd/v1/counters/").Kvs[0].Value), `{"fmt":3,"period":"2026-11-01","last":2,"by":"w"}`; got != want {
		t.Errorf("the record is %s, want %s", got, want)
	}
	if _, err := ask(november.Mark(0), 8); !errors.Is(err, allocator.ErrExhausted) {
		t.Errorf("got %v", err)
	}
	december := allocator.PeriodOf(2026, 12, 1)
	if ids, err := ask(december.Mark(0), 8); err != nil || ids.First != december.Mark(1) {
		t.Errorf("got %v, %v", ids, err)
	}
}

// A lease of answers that somebody has revoked is replaced, and its answers are gone
// with it.
func TestAnswersLeaseIsRevoked(t *testing.T) {
	server := servers.StartEtcd(t)
	client := server.Connect(t)
	a := newAsking(t, server, "a", false)
	key := allocator.Key{Store: "orders", Name: "k"}
	if got := a.ask(t, key, 1, "one", false); got.err != nil {
		t.Fatal(got.err)
	}
	leases, err := client.Leases(t.Context())
	if err != nil || len(leases.Leases) != 1 {
		t.Fatalf("got %v, %v, want one lease", leases, err)
	}
	if _, err := client.Revoke(t.Context(), leases.Leases[0].ID); err != nil {
		t.Fatal(err)
	}
	if got := a.ask(t, key, 1, "two", false); got.err != nil || got.ids.First != 2 {
		t.Errorf("got %+v", got)
	}
	if got := a.ask(t, key, 1, "one", false); got.err != nil || got.replayed || got.ids.First != 3 {
		t.Errorf("got %+v for a request whose answer has gone", got)
	}
}
