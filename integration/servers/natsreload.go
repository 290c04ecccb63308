package servers

import (
	"testing"

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
