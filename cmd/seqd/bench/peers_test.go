package bench_test

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/cmd/seqd/bench"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

func startWorker(t *testing.T, natsURL string, client *clientv3.Client) {
	t.Helper()
	counter := etcd.NewCounter(client, etcd.Config{Writer: "w1"})
	t.Cleanup(counter.Close)
	w, err := worker.New(worker.Config{
		ID:       "w1",
		Connect:  func(o ...nats.Option) (*nats.Conn, error) { return nats.Connect(natsURL, o...) },
		Backends: []worker.Backend{{Counter: counter, Ready: counter.Ready, Stores: []worker.Store{{Name: subjects.AnyStore}}}},
		Log:      slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-w.Ready():
	case <-time.After(time.Minute):
		t.Fatalf("the worker is %s", w.State())
	}
}

// Each peer answers every caller from its real server, and keeps its promise.
func TestPeers(t *testing.T) {
	plain, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	jetStream := func(always bool) bench.Connect {
		s := servers.StartNATS(t, func(o *server.Options) { o.JetStream, o.StoreDir, o.SyncAlways = true, t.TempDir(), always })
		return bench.At(s.URL)
	}
	startWorker(t, plain.URL, db.Connect(t))
	dial := func(ctx context.Context) (*clientv3.Client, error) {
		return dial.Open(ctx, dial.Config{Endpoints: []string{db.Endpoint}})
	}
	seqd := func(id string, mode subjects.Mode, n int) bench.Peer {
		return &bench.Seqd{ID: id, Name: id, Connect: bench.At(plain.URL), Root: subjects.Root, Store: id, Mode: mode, N: n, Workers: 1}
	}
	peers := []bench.Peer{
		&bench.Echo{Connect: bench.At(plain.URL)},
		&bench.Relay{Connect: bench.At(plain.URL), Members: 2},
		seqd("weak", subjects.Weak, 1),
		seqd("strong", subjects.Strong, 1),
		seqd("ten", subjects.Strong, 10),
		seqd("default", subjects.DefaultMode, 1),
		&bench.Txn{Dial: dial},
		&bench.JetStream{ID: "jetstream", Connect: jetStream(false)},
		&bench.JetStream{ID: "jetstream-sync", Connect: jetStream(true)},
	}
	loads := []bench.Load{{Callers: 1, Keys: 3}, {Callers: 8, Keys: 1}}
	var c *bench.Comparison
	for slice := 100 * time.Millisecond; ; slice *= 2 {
		var err error
		c, err = bench.Compare(t.Context(), peers, bench.Plan{
			Loads: loads, Rounds: 2, Slice: slice, Warm: slice / 5,
			Wiring: bench.Wiring{Keys: []string{"a", "b.c", "d"}, Connections: 2, Timeout: time.Minute},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Rows) != len(peers)*len(loads) {
			t.Fatalf("%d rows", len(c.Rows))
		}
		if answered(c) || slice > 5*time.Second {
			break
		}
	}
	for _, r := range c.Rows {
		if r.Requests == 0 || len(r.Errors) > 0 || r.P50 <= 0 || r.P99 < r.P50 || r.Max < r.P99*0.99 || r.ToEcho <= 0 || slices.Contains(r.Rounds, nil) {
			t.Errorf("%s: %+v", r.ID, r.Figures)
		}
		if want := map[bool]float64{true: 10 * r.Rate, false: r.Rate}[r.ID == "ten"]; r.ID != "echo" && r.ID != "relay" && (r.IDs < want*0.999 || r.IDs > want*1.001) {
			t.Errorf("%s: %v requests/s, but %v ids/s", r.ID, r.Rate, r.IDs)
		}
	}
	for _, check := range c.Checks {
		if check.Answers == 0 {
			t.Errorf("unchecked: %+v", check)
		}
	}
}

// answered reports whether every slice brought an answer. On a busy machine a
// short one may bring none.
func answered(c *bench.Comparison) bool {
	for _, r := range c.Rows {
		for _, f := range r.Rounds {
			if f == nil || f.Requests == 0 {
				return false
			}
		}
	}
	return true
}

func TestPeersThatDoNotAnswer(t *testing.T) {
	s := servers.StartNATS(t, nil)
	wiring := bench.Wiring{Keys: []string{"k"}, Connections: 1, Timeout: time.Second}
	for name, peer := range map[string]bench.Peer{
		"seqd":      &bench.Seqd{Connect: bench.At(s.URL), Root: "seq", Store: "s"},
		"jetstream": &bench.JetStream{Connect: bench.At(s.URL)},
		"nats":      &bench.Echo{Connect: bench.At("nats://127.0.0.1:1")},
	} {
		if err := peer.Open(t.Context(), wiring); err == nil {
			t.Errorf("%s: opened", name)
		}
		peer.Close()
	}
}
