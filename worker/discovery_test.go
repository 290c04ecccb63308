package worker_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// gather asks every worker and returns the answers, as the nats tool does: until
// none has come for a while, in which the machine was there to hear one. A
// worker answers for as long as it runs, and where there is none NATS says so:
// the first answer is waited for.
func gather[T any](t testing.TB, nc *nats.Conn, subject string) []T {
	t.Helper()
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := nc.PublishRequest(subject, inbox, nil); err != nil {
		t.Fatal(err)
	}
	var all []T
	const pause, pauses = 20 * time.Millisecond, 10
	begin := time.Now()
	for quiet := 0; quiet < pauses; {
		asked := time.Now()
		m, err := sub.NextMsg(pause)
		switch {
		case errors.Is(err, nats.ErrNoResponders):
			return all
		case errors.Is(err, nats.ErrTimeout):
			if now := time.Now(); len(all) == 0 && now.Sub(begin) > patience || len(all) > 0 && now.Sub(asked) < 2*pause {
				quiet++
			}
			continue
		case err != nil:
			t.Fatal(err)
		}
		quiet = 0
		var answer T
		if err := json.Unmarshal(m.Data, &answer); err != nil {
			t.Fatalf("%s: %v", m.Data, err)
		}
		all = append(all, answer)
	}
	return all
}

func (f *fixture) stats(t testing.TB) []micro.Stats {
	t.Helper()
	return gather[micro.Stats](t, f.nc, "$SRV.STATS.seqd")
}

type endpointData struct {
	State   string
	IDs     int
	Waiting int
	NoReply int
	Leased  bool
	LeaseMs int `json:"lease_ms"`
}

func dataOf(t testing.TB, s micro.Stats) (d endpointData) {
	t.Helper()
	if err := json.Unmarshal(s.Endpoints[0].Data, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func waiting(stats []micro.Stats) int {
	n := 0
	for _, s := range stats {
		var d endpointData
		_ = json.Unmarshal(s.Endpoints[0].Data, &d) // counts nothing then
		n += d.Waiting
	}
	return n
}

func TestDiscovery(t *testing.T) {
	f := start(t, func(c *worker.Config) {
		c.Backends[0].Stores = []worker.Store{{Name: "orders", DefaultMode: subjects.Strong}, {Name: subjects.AnyStore}}
	})
	f.ask(t, "seq.orders.a", header("Seq-Count", "3"), "")
	f.ask(t, "seq.orders.a", header("Seq-Count", "0"), "")
	if err := f.nc.Publish("seq.orders.a", nil); err != nil {
		t.Fatal(err)
	}
	f.ask(t, "seq.orders.a", nil, "")

	for _, scope := range []string{"", ".seqd", ".seqd." + f.ID()} {
		pings := gather[micro.Ping](t, f.nc, "$SRV.PING"+scope)
		if len(pings) != 1 || pings[0].Type != micro.PingResponseType || pings[0].Name != "seqd" || pings[0].ID != f.ID() || pings[0].Version != "1.2.3" {
			t.Errorf("PING%s: %+v", scope, pings)
		}
	}
	infos := gather[micro.Info](t, f.nc, "$SRV.INFO")
	if len(infos) != 1 || len(infos[0].Endpoints) != 2 {
		t.Fatalf("INFO: %+v", infos)
	}
	if e := infos[0].Endpoints[0]; e.Name != "any" || e.Subject != "seq.*.>" || e.QueueGroup != "seqd" || e.Metadata["default_mode"] != "weak" || e.Metadata["lease"] != "0s" {
		t.Errorf("INFO: %+v", e)
	}
	if e := infos[0].Endpoints[1]; e.Name != "orders" || e.Subject != "seq.orders.>" || e.Metadata["default_mode"] != "strong" || e.Metadata["state"] != "serving" {
		t.Errorf("INFO: %+v", e)
	}
	stats := f.stats(t)
	if len(stats) != 1 {
		t.Fatalf("STATS: %+v", stats)
	}
	s := stats[0]
	s.Endpoints = s.Endpoints[1:]
	e := s.Endpoints[0]
	if e.NumRequests != 3 || e.NumErrors != 1 || e.LastError != "BAD_REQUEST: n must be between 1 and 4294967295, not 0" || e.ProcessingTime <= 0 || e.AverageProcessingTime <= 0 {
		t.Errorf("STATS: %+v", e)
	}
	if d := dataOf(t, s); d != (endpointData{State: "serving", IDs: 4, NoReply: 1}) {
		t.Errorf("STATS data: %+v", d)
	}
}

// A store's lease is a rule that those who look on can hold against other
// workers', and so is that a store beside it has none.
func TestDiscoveryTellsLeases(t *testing.T) {
	f := start(t, func(c *worker.Config) {
		c.Backends[0].Lease = 3 * time.Second
		c.Backends[0].Stores = []worker.Store{{Name: "free"}, {Name: "orders", Leased: true}}
	})
	infos := gather[micro.Info](t, f.nc, "$SRV.INFO")
	if len(infos) != 1 || len(infos[0].Endpoints) != 2 {
		t.Fatalf("INFO: %+v", infos)
	}
	for i, want := range []string{"0s", "3s"} {
		if got := infos[0].Endpoints[i].Metadata[worker.MetadataLease]; got != want {
			t.Errorf("INFO: %s has a lease of %q, want %s", infos[0].Endpoints[i].Name, got, want)
		}
	}
	stats := f.stats(t)
	if len(stats) != 1 || len(stats[0].Endpoints) != 2 {
		t.Fatalf("STATS: %+v", stats)
	}
	if d := dataOf(t, stats[0]); d.Leased || d.LeaseMs != 0 {
		t.Errorf("STATS data of free: %+v", d)
	}
	stats[0].Endpoints = stats[0].Endpoints[1:]
	if d := dataOf(t, stats[0]); !d.Leased || d.LeaseMs != 3000 {
		t.Errorf("STATS data of orders: %+v", d)
	}
}
