package integration_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/worker"
)

// tenancy is a server with one of the configurations in deploy/nats, and a
// worker for all stores.
type tenancy struct {
	server *servers.NATS
	worker *running
	marks  *etcd.Admin
}

// passwords are what the configurations take from the environment.
var passwords = map[string]string{
	"worker": "SEQD_WORKER_PASSWORD", "operator": "SEQD_OPERATOR_PASSWORD",
	"orders": "ORDERS_PASSWORD", "shop": "SHOP_PASSWORD", "system": "NATS_SYSTEM_PASSWORD",
}

func startTenancy(t *testing.T, file string, workerOptions ...nats.Option) *tenancy {
	t.Helper()
	for user, variable := range passwords {
		t.Setenv(variable, "secret-of-"+user)
	}
	server, db := servers.StartNATSWith(t, "../deploy/nats/"+file), servers.StartEtcd(t)
	client := db.Connect(t)
	r := runWorkerOn(t, server, client, func(c *worker.Config) {
		c.Connect = func(options ...nats.Option) (*nats.Conn, error) {
			options = append(append(options, as("worker")), workerOptions...)
			return nats.Connect(server.URL, options...)
		}
	})
	r.waitReady(t)
	t.Cleanup(func() { r.stop(t) })
	return &tenancy{server, r, etcd.NewAdmin(client, "")}
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

// Tenants in accounts of their own: deploy/nats/tenants.conf.
func TestTenantsInAccounts(t *testing.T) {
	y := startTenancy(t, "tenants.conf")
	orders, shop, operator := y.connect(t, "orders"), y.connect(t, "shop"), y.connect(t, "operator")
	peer := fmt.Sprintf("_SEQD.%s.advance.shop.key", y.worker.ID())

	t.Run("a tenant gets ids of its store", func(t *testing.T) {
		heard := operator.listen(t, "seq.*.>", "")
		orders.wantID(t, "seq.orders.first", "1")
		operator.eventually(t, "the operator hears the request", func() bool { return len(heard()) > 0 })
		// The server replaces the reply subject: the worker sees one of its own account.
		if got := heard()[0]; !strings.HasPrefix(got, "seq.orders.first reply _R_.") {
			t.Errorf("got %q, want a reply subject under _R_.", got)
		}
		exchange(t, map[string]*person{"orders": orders, "mine": shop})
		exchange(t, map[string]*person{"orders": orders, "mine": shop}, seqd.WithOwnInbox())
	})
	t.Run("under a subject of its own", func(t *testing.T) {
		shop.wantID(t, "seq.mine.invoice", "1")
		y.wantMark(t, "shop", "invoice", true)
		y.wantMark(t, "mine", "invoice", false)
		operator.wantID(t, "seq.shop.invoice", "2") // the same counter
		shop.wantNobody(t, "seq.shop.invoice")
	})
	t.Run("no other store, no peers, no discovery", func(t *testing.T) {
		for _, p := range []*person{orders, shop} {
			p.wantNobody(t, "seq.audit.key", peer, "$SRV.PING", "$SRV.INFO.seqd", "$SRV.STATS.seqd."+y.worker.ID())
		}
		orders.wantNobody(t, "seq.shop.key", "seq.mine.key")
		shop.wantNobody(t, "seq.orders.key")
		y.wantMark(t, "audit", "key", false)
		y.wantMark(t, "shop", "key", false)
		if _, err := operator.ask("$SRV.PING.seqd"); err != nil {
			t.Errorf("the operator, who may: %v", err)
		}
	})
	t.Run("nothing is heard of others", func(t *testing.T) {
		heard := orders.listen(t, ">", "")
		shop.wantID(t, "seq.mine.quiet", "1")
		operator.wantID(t, "seq.shop.loud", "1")
		for _, text := range heard() {
			if !strings.HasPrefix(text, "_INBOX.") || strings.Contains(text, "shop") || strings.Contains(text, "mine") {
				t.Errorf("the tenant heard %q", text)
			}
		}
		// What it asks itself it does hear: the answer, in its own inbox.
		orders.wantID(t, "seq.orders.heard", "1")
		orders.eventually(t, "the tenant hears its own answer", func() bool { return len(heard()) > 0 })
	})
	t.Run("not in the queue group", func(t *testing.T) {
		heard := orders.listen(t, "seq.>", "seqd")
		orders.wantRefused(t, `Subscription to "seq.>"`)
		other := y.connect(t, "shop")
		taken := other.listen(t, "*.orders.>", "seqd") // not refused, but in its own account
		for i := range 50 {
			orders.wantID(t, "seq.orders.group", fmt.Sprint(i+1))
		}
		if got := append(heard(), taken()...); len(got) > 0 {
			t.Errorf("requests went astray: %q", got)
		}
	})
	t.Run("no answer to another's inbox", func(t *testing.T) {
		heard := shop.listen(t, "_INBOX.victim", "")
		if err := orders.PublishRequest("seq.orders.aim", "_INBOX.victim", nil); err != nil {
			t.Fatal(err)
		}
		orders.wantID(t, "seq.orders.aim2", "1")
		if got := heard(); len(got) > 0 {
			t.Errorf("got %q", got)
		}
	})
	t.Run("without a worker", func(t *testing.T) {
		y.worker.stop(t)
		y.worker.ended <- nil // for the cleanup
		orders.wantNobody(t, "seq.orders.key")
	})
}

// Tenants in one account: deploy/nats/one-account.conf.
func TestTenantsInOneAccount(t *testing.T) {
	y := startTenancy(t, "one-account.conf", nats.CustomInboxPrefix("_INBOX.seqd"))
	inbox := func(name string) nats.Option { return nats.CustomInboxPrefix("_INBOX." + name) }
	orders, shop := y.connect(t, "orders", inbox("orders")), y.connect(t, "shop", inbox("shop"))
	operator := y.connect(t, "operator", inbox("operator"))
	peer := fmt.Sprintf("_SEQD.%s.advance.shop.key", y.worker.ID())

	t.Run("a tenant gets ids of its store", func(t *testing.T) {
		orders.wantID(t, "seq.orders.first", "1")
		exchange(t, map[string]*person{"orders": orders, "shop": shop})
		exchange(t, map[string]*person{"orders": orders, "shop": shop}, seqd.WithOwnInbox())
		if _, err := operator.ask("$SRV.PING.seqd"); err != nil {
			t.Errorf("the operator, who may: %v", err)
		}
	})
	t.Run("no other store, no peers, no discovery", func(t *testing.T) {
		for _, subject := range []string{"seq.shop.key", "seq.audit.key", peer, "$SRV.PING", "$SRV.STATS.seqd"} {
			if err := orders.PublishRequest(subject, orders.NewInbox(), nil); err != nil {
				t.Fatal(err)
			}
			orders.wantRefused(t, fmt.Sprintf("Publish to %q", subject))
		}
		y.wantMark(t, "shop", "key", false)
		y.wantMark(t, "audit", "key", false)
	})
	t.Run("nothing is heard of others", func(t *testing.T) {
		for _, subject := range []string{">", "seq.>", "seq.shop.>", "_INBOX.>", "_INBOX.shop.>", "_INBOX.seqd.>", "$SRV.>", "_SEQD.>"} {
			heard := orders.listen(t, subject, "")
			orders.wantRefused(t, fmt.Sprintf("Subscription to %q", subject))
			shop.wantID(t, "seq.shop."+strings.Map(letters, subject), "1")
			if got := heard(); len(got) > 0 {
				t.Errorf("%s: heard %q", subject, got)
			}
		}
	})
	t.Run("not in the queue group", func(t *testing.T) {
		for _, subject := range []string{"seq.>", "seq.orders.>", "seq.*.>"} {
			orders.listen(t, subject, "seqd")
			orders.wantRefused(t, fmt.Sprintf("Subscription to %q", subject))
		}
		for i := range 50 {
			shop.wantID(t, "seq.shop.group", fmt.Sprint(i+1))
		}
	})
	t.Run("a worker is in the queue group or hears nothing", func(t *testing.T) {
		rogue := y.connect(t, "worker", inbox("seqd"))
		for _, group := range []string{"", "seqd-of-pod-7"} {
			rogue.listen(t, "seq.orders.>", group)
			rogue.wantRefused(t, `Subscription to "seq.orders.>"`)
		}
		rogue.listen(t, "_INBOX.orders.>", "")
		rogue.wantRefused(t, `Subscription to "_INBOX.orders.>"`)
		if err := rogue.Publish("_INBOX.orders.unasked", nil); err != nil {
			t.Fatal(err)
		}
		rogue.wantRefused(t, `Publish to "_INBOX.orders.unasked"`)
	})
}

// letters keeps what a subject's token may hold.
func letters(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return '-'
}
