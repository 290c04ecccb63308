package integration_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/worker"
)

// tenancy is a server with one of the configurations in deploy/nats, and a
// worker for all stores.
type tenancy struct {
	server *servers.NATS
	worker *running
	marks  *operate.Admin
}

// passwords are what the configurations take from the environment.
var passwords = map[string]string{
	"worker": "SEQD_WORKER_PASSWORD", "operator": "SEQD_OPERATOR_PASSWORD",
	"orders": "ORDERS_PASSWORD", "shop": "SHOP_PASSWORD", "system": "NATS_SYSTEM_PASSWORD",
}

func startTenancy(t *testing.T, file string, workerOptions ...nats.Option) *tenancy {
	t.Helper()
	return startTenancyWith(t, file, func(*server.Options) {}, workerOptions...)
}

// startTenancyWith does so with a configuration that change has changed.
func startTenancyWith(t *testing.T, file string, change func(*server.Options), workerOptions ...nats.Option) *tenancy {
	t.Helper()
	for user, variable := range passwords {
		t.Setenv(variable, "secret-of-"+user)
	}
	server, db := servers.StartNATSWith(t, "../deploy/nats/"+file, change), servers.StartEtcd(t)
	client := db.Connect(t)
	r := runWorkerOn(t, server, client, func(c *worker.Config) {
		c.Connect = func(options ...nats.Option) (*nats.Conn, error) {
			options = append(append(options, as("worker")), workerOptions...)
			return nats.Connect(server.URL, options...)
		}
	})
	r.waitReady(t)
	t.Cleanup(func() { r.stop(t) })
	return &tenancy{server, r, operate.New(client, "")}
}

func as(user string) nats.Option { return nats.UserInfo(user, "secret-of-"+user) }

// person is somebody's connection, and what the server refused on it.
type person struct {
	*nats.Conn
	mu      sync.Mutex
	refused []string
}

func (y *tenancy) connect(t *testing.T, user string, options ...nats.Option) *person {
	t.Helper()
	p := &person{}
	p.Conn = y.server.Connect(t, append(options, as(user), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.refused = append(p.refused, err.Error())
	}))...)
	return p
}

// wantRefused checks that the server has refused, since the last time, something
// that its error names.
func (p *person) wantRefused(t *testing.T, what string) {
	t.Helper()
	p.eventually(t, "the server refuses "+what, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for i, text := range p.refused {
			if strings.Contains(text, "Permissions Violation") && strings.Contains(text, what) {
				p.refused = append(p.refused[:i], p.refused[i+1:]...)
				return true
			}
		}
		return false
	})
}

func (p *person) eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !check(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Fatalf("not within %v: %s; refused: %q", patience, what, p.refused)
		}
	}
}

// ask sends an empty request and returns the answer as text.
func (p *person) ask(subject string) (string, error) {
	m, err := p.RequestMsg(&nats.Msg{Subject: subject, Header: nats.Header{"Accept": {"text/plain"}}}, patience)
	if err != nil {
		return "", err
	}
	return string(m.Data), nil
}

func (p *person) wantID(t *testing.T, subject, want string) {
	t.Helper()
	if got, err := p.ask(subject); err != nil || got != want {
		t.Errorf("%s: got %q, %v, want %q", subject, got, err, want)
	}
}

func (p *person) wantNobody(t *testing.T, subjects ...string) {
	t.Helper()
	for _, subject := range subjects {
		if got, err := p.ask(subject); !errors.Is(err, nats.ErrNoResponders) {
			t.Errorf("%s: got %q, %v, want no responders", subject, got, err)
		}
	}
}

// listen hears subject until the test's end, "" for no group, and returns what
// has come so far.
func (p *person) listen(t *testing.T, subject, group string) func() []string {
	t.Helper()
	var mu sync.Mutex
	var heard []string
	sub, err := p.QueueSubscribe(subject, group, func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, m.Subject+" reply "+m.Reply)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() }) // who listens counts as a responder
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	return func() []string {
		if err := p.Flush(); err != nil { // what was sent to us before has arrived
			t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		return heard
	}
}

// exchange has two tenants ask many times in both modes, with the SDK, and
// checks that every call is answered with ids that are theirs.
func exchange(t *testing.T, stores map[string]*person, options ...seqd.Option) {
	t.Helper()
	const calls = 100
	for store, p := range stores {
		client, err := seqd.New(p.Conn, append(options, seqd.WithTimeout(patience))...)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range calls / 4 {
					if _, err := client.Next(t.Context(), store, "exchange", seqd.WithMode(seqd.Strong)); err != nil {
						t.Errorf("%s: %v", store, err)
						return
					}
				}
			})
		}
		all.Wait()
		if t.Failed() {
			return
		}
		ids, err := client.NextN(t.Context(), store, "exchange", 10, seqd.WithMode(seqd.Strong))
		if err != nil || ids.First <= calls {
			t.Errorf("%s: got %v, %v, want more than %d", store, ids, err, calls)
		}
		if _, err := client.NextN(t.Context(), store, "exchange", 1_000_000); !errors.Is(err, seqd.ErrBadRequest) {
			t.Errorf("%s: got %v, want BAD_REQUEST: errors come through too", store, err)
		}
	}
}

// wantMark checks that a counter has a record: that store is where it counts.
func (y *tenancy) wantMark(t *testing.T, store, name string, is bool) {
	t.Helper()
	m, err := y.marks.Peek(t.Context(), allocator.Key{Store: store, Name: name})
	if is != (err == nil) {
		t.Errorf("%s/%s: got %+v, %v, want a record: %v", store, name, m, err, is)
	}
}

// letters keeps what a subject's token may hold.
func letters(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return '-'
}
