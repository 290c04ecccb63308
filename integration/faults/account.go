package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// account is a NATS account and its operator, as nsc has them: the account has
// signing keys for workers, callers and leaf nodes, by which nats-server takes their
// credentials.
type account struct {
	dir      string
	operator nkeys.KeyPair
	token    string                   // the operator's; nats-server takes no other one while it runs
	signers  map[string]nkeys.KeyPair // by user
	users    map[string]string        // public keys
	claims   *jwt.AccountClaims
}

func newAccount(t testing.TB, dir string) *account {
	t.Helper()
	a := &account{dir: dir, operator: newPair(t, nkeys.CreateOperator), signers: map[string]nkeys.KeyPair{}, users: map[string]string{}}
	var err error
	if a.token, err = jwt.NewOperatorClaims(public(t, a.operator)).Encode(a.operator); err != nil {
		t.Fatal(err)
	}
	a.claims = jwt.NewAccountClaims(public(t, newPair(t, nkeys.CreateAccount)))
	for _, user := range []string{"worker", "caller", "leaf"} {
		a.signers[user] = newPair(t, nkeys.CreateAccount)
		a.trust(t, user, true)
		a.issue(t, user)
	}
	return a
}

// trust adds the key that signs for user to the account's, or removes it.
func (a *account) trust(t testing.TB, user string, trusted bool) {
	t.Helper()
	key := public(t, a.signers[user])
	if trusted {
		a.claims.SigningKeys.Add(key)
	} else {
		a.claims.SigningKeys.Remove(key)
	}
}

// issue writes new credentials for user. The old ones are as good as before.
func (a *account) issue(t testing.TB, user string) {
	t.Helper()
	pair := newPair(t, nkeys.CreateUser)
	a.users[user] = public(t, pair)
	claims := jwt.NewUserClaims(a.users[user])
	claims.IssuerAccount = a.claims.Subject
	token, err := claims.Encode(a.signers[user])
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.FormatUserConfig(token, seed)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.creds(user), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (a *account) creds(user string) string { return filepath.Join(a.dir, user+".creds") }

// config returns what nats-server's configuration says of the account.
func (a *account) config(t testing.TB) string {
	t.Helper()
	token, err := a.claims.Encode(a.operator)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("operator: %s\nresolver: MEMORY\nresolver_preload: {%s: %s}\n", a.token, a.claims.Subject, token)
}

func newPair(t testing.TB, create func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	t.Helper()
	pair, err := create()
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func public(t testing.TB, pair nkeys.KeyPair) string {
	t.Helper()
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}
