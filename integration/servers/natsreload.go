package servers

import (
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
)

// Reload has the running server take options that change has changed, as it does
// on SIGHUP.
func (n *NATS) Reload(t testing.TB, change func(*server.Options)) {
	t.Helper()
	change(&n.options)
	options := n.options // the server writes into what it gets
	if err := n.server.ReloadOptions(&options); err != nil {
		t.Fatalf("reload nats-server: %v", err)
	}
}

// UpdateAccount has the running server take an account's claims anew, as it does
// when they are pushed to its resolver.
func (n *NATS) UpdateAccount(t testing.TB, claims *jwt.AccountClaims) {
	t.Helper()
	account, err := n.server.LookupAccount(claims.Subject)
	if err != nil {
		t.Fatalf("update account: %v", err)
	}
	n.server.UpdateAccountClaims(account, claims)
}

// Leaf starts another server, as a leaf node of n's that logs in as user, and
// blocks until they are connected.
func (n *NATS) Leaf(t testing.TB, user, password string) *NATS {
	t.Helper()
	v, err := n.server.Varz(nil)
	if err != nil {
		t.Fatal(err)
	}
	remote := &url.URL{Scheme: "nats", User: url.UserPassword(user, password), Host: net.JoinHostPort("127.0.0.1", fmt.Sprint(v.LeafNode.Port))}
	leaf := StartNATS(t, func(o *server.Options) {
		o.LeafNode.Remotes = []*server.RemoteLeafOpts{{URLs: []*url.URL{remote}}}
	})
	for deadline := time.Now().Add(startTimeout); n.server.NumLeafNodes() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the leaf node did not connect")
		}
	}
	return leaf
}
