package integration_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// With deploy/nats/one-account.conf, two requests at once that had one inbox as
// their reply subject, as people without an SDK send them, were both answered in
// vain: nats-server counts what it delivers as answers that were given.
func TestCallersThatShareAnInbox(t *testing.T) {
	// With this little time for a response, whatever is tracked as one is refused
	// now and then: what the file allows must not be.
	y := startTenancyWith(t, "one-account.conf", func(o *server.Options) {
		for _, u := range o.Users {
			if u.Permissions != nil && u.Permissions.Response != nil {
				if u.Permissions.Response.MaxMsgs > 0 {
					t.Errorf("user %s may answer %d times to one reply subject", u.Username, u.Permissions.Response.MaxMsgs)
				}
				u.Permissions.Response.Expires = time.Millisecond
			}
		}
	}, nats.CustomInboxPrefix("_INBOX.seqd"))
	orders := y.connect(t, "orders", nats.CustomInboxPrefix("_INBOX.orders"))
	inbox := orders.NewInbox()
	answers, err := orders.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	const rounds, atOnce = 200, 10
	for range rounds {
		for range atOnce {
			if err := orders.PublishRequest("seq.orders.shared", inbox, nil); err != nil {
				t.Fatal(err)
			}
		}
		for i := range atOnce {
			if _, err := answers.NextMsg(patience); err != nil {
				t.Fatalf("answer %d of %d: %v; refused: %q", i+1, atOnce, err, orders.refused)
			}
		}
	}
	if lost := y.worker.Snapshot().AnswersLost["refused"]; lost != 0 {
		t.Errorf("%d answers were refused", lost)
	}
}
