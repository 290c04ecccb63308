package integration_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
)

// Tenants in accounts of their own: deploy/nats/tenants.conf.
func TestTenantsInAccounts(t *testing.T) {
	y := startTenancy(t, "tenants.conf")
	orders, shop, operator := y.connect(t, "orders"), y.connect(t, "shop"), y.connect(t, "operator")
	peer := fmt.Sprintf("_SEQD.%s.requests", y.worker.ID())

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
	peer := fmt.Sprintf("_SEQD.%s.requests", y.worker.ID())

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
		for _, subject := range []string{"seq.orders.unasked", "orders.unasked", "$SRV.PING"} {
			if err := rogue.Publish(subject, nil); err != nil {
				t.Fatal(err)
			}
			rogue.wantRefused(t, fmt.Sprintf("Publish to %q", subject))
		}
	})
}
