package doctor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/cmd/seqd/doctor"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
	"github.com/seqd-io/seqd/worker/workertest"
)

// examineLeased looks at a NATS and an etcd as with a store that has a lease.
func examineLeased(t *testing.T, bus *servers.NATS, db *servers.Etcd, client *clientv3.Client) *doctor.Report {
	t.Helper()
	stores := []worker.Store{{Name: "orders", Leased: true}}
	return doctor.Examine(t.Context(), doctor.Config{
		Root: subjects.Root, Stores: stores, NATS: bus.URL,
		Connect: func(options ...nats.Option) (*nats.Conn, error) { return nats.Connect(bus.URL, options...) },
		Etcds: []doctor.Etcd{{
			Endpoints: []string{db.Endpoint}, Prefix: "/seqd", Stores: stores,
			Dial: func(context.Context, []string) (*clientv3.Client, error) {
				if client != nil {
					return client, nil
				}
				return clientv3.New(clientv3.Config{Endpoints: []string{db.Endpoint}, DialTimeout: time.Second})
			},
		}},
	})
}

// answer has somebody answer $SRV as a worker would, whose clock runs at a rate.
func answer(t *testing.T, bus *servers.NATS, id string, rate float64) {
	t.Helper()
	nc, err := nats.Connect(bus.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	began := time.Now()
	identity := micro.ServiceIdentity{Name: worker.ServiceName, ID: id, Version: "1.0.0"}
	for verb, said := range map[micro.Verb]func() any{
		micro.InfoVerb: func() any { return micro.Info{ServiceIdentity: identity} },
		micro.StatsVerb: func() any {
			data, _ := json.Marshal(worker.EndpointData{Clock: time.Hour + time.Duration(float64(time.Since(began))*rate)})
			return micro.Stats{ServiceIdentity: identity, Endpoints: []*micro.EndpointStats{{Data: data}}}
		},
	} {
		subject, err := micro.ControlSubject(verb, worker.ServiceName, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Subscribe(subject, func(m *nats.Msg) {
			body, err := json.Marshal(said())
			if err == nil {
				err = m.Respond(body)
			}
			if err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

// own has a worker keep a session, and renew it until the test ends.
func own(t *testing.T, db *servers.Etcd, id string, lease time.Duration) {
	t.Helper()
	c := etcd.NewCounter(db.Connect(t), etcd.Config{Writer: id, Lease: lease, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	t.Cleanup(c.Close)
	etcdtest.Eventually(t, func() bool { return c.Ready(t.Context()) == nil && c.Renew(t.Context()) == nil }, "no session")
	done := make(chan struct{})
	t.Cleanup(func() { <-done })
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() {
		defer close(done)
		tick := time.NewTicker(lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = c.Renew(ctx) // the next one may do
			case <-ctx.Done():
				return
			}
		}
	}()
}

// work runs a worker until the test ends.
func work(t *testing.T, bus *servers.NATS, db *servers.Etcd) {
	t.Helper()
	counter := etcd.NewCounter(db.Connect(t), etcd.Config{Writer: "w"})
	t.Cleanup(counter.Close)
	w, err := worker.New(worker.Config{
		Connect:  func(options ...nats.Option) (*nats.Conn, error) { return nats.Connect(bus.URL, options...) },
		Backends: []worker.Backend{{Name: "etcd", Counter: counter, Ready: counter.Ready, Stores: []worker.Store{{Name: "orders"}}}},
		Log:      slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	workertest.Run(t, w)
}

// found checks what a check found, and nothing else: each is a status and a part
// of its line.
func found(t *testing.T, r *doctor.Report, check string, want ...string) {
	t.Helper()
	var got []string
	for _, f := range r.Findings {
		if f.Check == check {
			got = append(got, fmt.Sprintf("%s %s -> %s", f.Status, f.Text, f.Try))
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: got %q, want %q", check, got, want)
		return
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%s: got %q, want %q", check, got[i], want[i])
		}
	}
}

// A worker that answers and does not renew its session issues nothing of its
// keys, and nobody else does until one is asked for.
func TestExamineSessions(t *testing.T) {
	bus, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	found(t, examineLeased(t, bus, db, nil), "etcd.sessions", "ok none: no worker owns keys now")
	own(t, db, "w1", time.Second)
	found(t, examineLeased(t, bus, db, nil), "etcd.sessions", "ok workers that own keys, and renew their sessions: 1")
	for _, id := range []string{"w2", "w3"} {
		etcdtest.Put(t, db, "/seqd/v1/sessions/"+id, `{"fmt":1,"lease_ms":1000}`)
	}
	etcdtest.Put(t, db, "/seqd/v1/sessions/w4", `{"fmt":9}`)
	answer(t, bus, "w2", 1)
	found(t, examineLeased(t, bus, db, nil), "etcd.sessions",
		"fail 1 sessions are not understood, and the keys of their workers can't be taken over: w4 -> a newer seqd may have written it",
		"fail worker w2 owns keys and does not renew its session: it issues no ids of them -> look at its log",
		"warn workers that own keys, don't renew their sessions and don't answer: w3 -> if they were killed")
}

// A role for counters alone lets a worker count, and own nothing.
func TestExamineWhoMayOwn(t *testing.T) {
	bus, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	root, ctx := db.Connect(t), t.Context()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(root.UserAdd(ctx, "root", "root"))
	must(root.UserGrantRole(ctx, "root", "root"))
	must(root.RoleAdd(ctx, "ids"))
	must(root.RoleGrantPermission(ctx, "ids", "/seqd/v1/", "/seqd/v1/s", clientv3.PermissionType(clientv3.PermReadWrite)))
	must(root.UserAdd(ctx, "seqd", "pw"))
	must(root.UserGrantRole(ctx, "seqd", "ids"))
	must(root.AuthEnable(ctx))
	as := func(user, password string) *clientv3.Client {
		t.Helper()
		client, err := clientv3.New(clientv3.Config{Endpoints: []string{db.Endpoint}, Username: user, Password: password, DialTimeout: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
	admin := as("root", "root")
	t.Cleanup(func() { admin.Close() })
	dial := func() *clientv3.Client { return as("seqd", "pw") } // the examination closes it
	const want = "fail a worker could not own keys: etcdserver: permission denied -> let the workers' role read and write /seqd/"
	found(t, examineLeased(t, bus, db, dial()), "etcd.sessions", want)
	must(admin.RoleGrantPermission(ctx, "ids", "/seqd/v1/sessions/", "/seqd/v1/sessions0", clientv3.PermissionType(clientv3.PermRead)))
	found(t, examineLeased(t, bus, db, dial()), "etcd.sessions", want)
	must(admin.RoleGrantPermission(ctx, "ids", "/seqd/v1/sessions/", "/seqd/v1/sessions0", clientv3.PermissionType(clientv3.PermReadWrite)))
	found(t, examineLeased(t, bus, db, dial()), "etcd.sessions", "ok none")
}

func TestExamineClocks(t *testing.T) {
	bus, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	answer(t, bus, "right", 1)
	found(t, examineLeased(t, bus, db, nil), "workers.clocks", "ok workers whose clocks run at the rate of this machine's, within 5 %: 1")
	work(t, bus, db)
	found(t, examineLeased(t, bus, db, nil), "workers.clocks", "ok workers whose clocks run at the rate of this machine's, within 5 %: 2")
	answer(t, bus, "fast", 1.3)
	answer(t, bus, "slow", 0.7)
	found(t, examineLeased(t, bus, db, nil), "workers.clocks",
		"fail the clock of worker fast runs at 1.", "fail the clock of worker slow runs at 0.")
}
