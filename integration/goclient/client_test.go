package goclient_test

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/subjects"
)

func TestNext(t *testing.T) {
	s := startServer(t, nil)
	serve(t, s, new(counters).answer)
	c := newClient(t, connect(t, s))
	for want := int64(1); want <= 3; want++ {
		got, err := c.Next(t.Context(), "orders", "invoice")
		if err != nil || got != want {
			t.Fatalf("got %d, %v, want %d", got, err, want)
		}
	}
	if got, err := c.Next(t.Context(), "orders", "receipt"); err != nil || got != 1 {
		t.Errorf("another key: got %d, %v, want 1", got, err)
	}
	if got, err := c.Next(t.Context(), "parcels", "invoice"); err != nil || got != 1 {
		t.Errorf("another store: got %d, %v, want 1", got, err)
	}
}

func TestNextN(t *testing.T) {
	s := startServer(t, nil)
	serve(t, s, new(counters).answer)
	c := newClient(t, connect(t, s))
	for _, want := range []seqd.Range{{First: 1, N: 10}, {First: 11, N: 1}, {First: 12, N: 100_000}, {First: 100_012, N: 2}} {
		got, err := c.NextN(t.Context(), "orders", "invoice", want.N)
		if err != nil || got != want {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	}
}

func TestNextIsExact(t *testing.T) {
	s := startServer(t, nil)
	ids := []int64{1, 127, 128, 1<<53 + 1, math.MaxInt64}
	serve(t, s, func(r *request) { r.ids(ids[r.num-1]) })
	c := newClient(t, connect(t, s))
	for _, want := range ids {
		if got, err := c.Next(t.Context(), "orders", "invoice"); err != nil || got != want {
			t.Errorf("got %d, %v, want %d", got, err, want)
		}
	}
}

func TestRoot(t *testing.T) {
	s := startServer(t, nil)
	worker := connect(t, s)
	if _, err := worker.Subscribe("ids.orders.invoice", func(msg *nats.Msg) {
		var req subjects.Request
		_ = req.Decode(msg.Header, msg.Data)
		_ = msg.Respond((&subjects.Reply{ID: 42, N: 1, Nonce: req.Nonce}).Append(nil, subjects.Msgpack))
	}); err != nil {
		t.Fatal(err)
	}
	if err := worker.Flush(); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, connect(t, s), append(patient, seqd.WithRoot("ids"))...)
	if got, err := c.Next(t.Context(), "orders", "invoice"); err != nil || got != 42 {
		t.Errorf("got %d, %v, want 42", got, err)
	}
}

// Many goroutines share a client, two clients share a connection.
func TestConcurrentCallers(t *testing.T) {
	s := startServer(t, nil)
	serve(t, s, new(counters).answer)
	nc := connect(t, s)
	opts := []seqd.Option{seqd.WithTimeout(pace.Patience), seqd.WithAttemptTimeout(pace.Patience)}
	clients := []*seqd.Client{newClient(t, nc, opts...), newClient(t, nc, opts...)}
	const callers, calls, n = 16, 40, 3

	var wg sync.WaitGroup
	got := make([][]int64, callers)
	for i := range callers {
		wg.Go(func() {
			for range calls {
				ids, err := clients[i%2].NextN(t.Context(), "orders", "key"+strconv.Itoa(i%4), n)
				if err != nil {
					t.Error(err)
					return
				}
				got[i] = slices.AppendSeq(got[i], ids.All())
			}
		})
	}
	wg.Wait()
	for key := range 4 {
		var all []int64
		for i := key; i < callers; i += 4 {
			if !slices.IsSorted(got[i]) {
				t.Errorf("the ids of caller %d do not increase: %v", i, got[i])
			}
			all = append(all, got[i]...)
		}
		slices.Sort(all)
		if all = slices.Compact(all); len(all) != callers/4*calls*n {
			t.Errorf("key %d: got %d different ids, want %d", key, len(all), callers/4*calls*n)
		}
	}
}

// ConnectOptions keep a connection that was made; they don't hide that one
// can't be made.
func TestConnectFailsAtOnce(t *testing.T) {
	s := startServer(t, nil)
	_, err := nats.Connect(s.ClientURL(), append(seqd.ConnectOptions(), nats.UserInfo(user, "wrong"))...)
	if !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("got %v, want %v", err, nats.ErrAuthorization)
	}
}
