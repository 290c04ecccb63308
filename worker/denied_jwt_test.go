package worker_test

import (
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// An account's limit on subscriptions, in its JWT, is the one that can be raised
// while the worker is connected: it then serves, without a restart or another
// connection.
func TestAccountsLimitRaised(t *testing.T) {
	operator, account := keyPair(t, nkeys.CreateOperator), keyPair(t, nkeys.CreateAccount)
	claims := jwt.NewAccountClaims(public(t, account))
	claims.Limits.Subs = 5
	encode := func() string {
		token, err := claims.Encode(operator)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	resolver := &server.MemAccResolver{}
	if err := resolver.Store(claims.Subject, encode()); err != nil {
		t.Fatal(err)
	}
	f := &fixture{memory: &allocatortest.Memory{}, log: &logBuffer{}}
	f.server = servers.StartNATS(t, func(o *server.Options) {
		o.TrustedKeys, o.AccountResolver = []string{public(t, operator)}, resolver
	})
	user := func() nats.Option {
		keys := keyPair(t, nkeys.CreateUser)
		token, err := jwt.NewUserClaims(public(t, keys)).Encode(account)
		if err != nil {
			t.Fatal(err)
		}
		seed, err := keys.Seed()
		if err != nil {
			t.Fatal(err)
		}
		return nats.UserJWTAndSeed(token, string(seed))
	}
	as := user()
	f.running = f.worker(t, func(c *worker.Config) {
		c.Connect = func(options ...nats.Option) (*nats.Conn, error) {
			return nats.Connect(f.server.URL, append(options, as)...)
		}
	})
	f.wantDenied(t, "maximum subscriptions exceeded")
	claims.Limits.Subs = int64(worker.Subscriptions(make([]worker.Store, 1)))
	encode()
	f.server.UpdateAccount(t, claims)
	f.waitState(t, worker.Serving)
	f.nc = f.server.Connect(t, user())
	if _, err := f.next(t, key, subjects.Strong, 1); err != nil {
		t.Error(err)
	}
	if n := f.Snapshot().Reconnects; n != 0 {
		t.Errorf("it has connected anew %d times", n)
	}
}

func keyPair(t *testing.T, create func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	t.Helper()
	pair, err := create()
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func public(t *testing.T, pair nkeys.KeyPair) string {
	t.Helper()
	name, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return name
}
