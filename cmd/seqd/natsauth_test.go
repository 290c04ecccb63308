//go:build !lean

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/seqd-io/seqd/integration/servers"
)

// put replaces a file as a whole.
func put(t *testing.T, file, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	return file
}

// keys is a key pair as text.
type keys struct {
	nkeys.KeyPair
	public, seed string
}

func newKeys(t *testing.T, create func() (nkeys.KeyPair, error)) keys {
	t.Helper()
	pair, err := create()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return keys{pair, public, string(seed)}
}

// operator signs accounts and users, as nsc does.
type operator struct {
	keys
	account keys
	claims  *jwt.AccountClaims
}

func newOperator(t *testing.T) *operator {
	o := &operator{keys: newKeys(t, nkeys.CreateOperator), account: newKeys(t, nkeys.CreateAccount)}
	o.claims = jwt.NewAccountClaims(o.account.public)
	return o
}

// server has a nats-server trust the operator.
func (o *operator) server(t *testing.T, options *server.Options) {
	t.Helper()
	text, err := o.claims.Encode(o.KeyPair)
	if err != nil {
		t.Fatal(err)
	}
	resolver := &server.MemAccResolver{}
	if err := resolver.Store(o.account.public, text); err != nil {
		t.Fatal(err)
	}
	options.TrustedKeys, options.AccountResolver = []string{o.public}, resolver
}

// creds returns the credentials of a new user, and the user.
func (o *operator) creds(t *testing.T) (text, user string) {
	t.Helper()
	k := newKeys(t, nkeys.CreateUser)
	token, err := jwt.NewUserClaims(k.public).Encode(o.account.KeyPair)
	if err != nil {
		t.Fatal(err)
	}
	file, err := jwt.FormatUserConfig(token, []byte(k.seed))
	if err != nil {
		t.Fatal(err)
	}
	return string(file), k.public
}

// Every way to tell NATS who we are, by flags, environment and contexts.
func TestNATSCredentials(t *testing.T) {
	skipIfShort(t)
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	user, other, op := newKeys(t, nkeys.CreateUser), newKeys(t, nkeys.CreateUser), newOperator(t)
	good, _ := op.creds(t)
	bad, _ := newOperator(t).creds(t)
	password := servers.StartNATS(t, func(o *server.Options) { o.Username, o.Password = "me", "pass" })
	token := servers.StartNATS(t, func(o *server.Options) { o.Authorization = "tok" })
	nkey := servers.StartNATS(t, func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: user.public}} })
	creds := servers.StartNATS(t, func(o *server.Options) { op.server(t, o) })
	context := func(name, url, more string) {
		put(t, filepath.Join(dir, "nats/context", name+".json"), fmt.Sprintf(`{"url": %q%s}`, url, more))
	}
	seed, otherSeed := put(t, dir+"/seed", user.seed), put(t, dir+"/otherseed", other.seed)
	file, badFile := put(t, dir+"/good.creds", good), put(t, dir+"/bad.creds", bad)
	context("password", password.URL, `, "user": "me", "password": "pass"`)
	context("token", token.URL, `, "token": "tok"`)
	context("nkey", nkey.URL, fmt.Sprintf(`, "nkey": %q`, seed))
	context("creds", creds.URL, fmt.Sprintf(`, "creds": %q`, file))
	context("wrong", password.URL, `, "user": "me", "password": "nonsense"`)
	withUser := func(url, user string) string { return strings.Replace(url, "//", "//"+user+"@", 1) }

	for _, test := range []struct {
		name   string
		server *servers.NATS // "": in the context
		flags  []string      // each is tried as flags, and in the environment
		ok     bool
	}{
		{"password", password, []string{"--nats-user", "me", "--nats-password", "pass"}, true},
		{"wrong password", password, []string{"--nats-user", "me", "--nats-password", "nonsense"}, false},
		{"nothing", password, nil, false},
		{"URL", nil, []string{"--nats-url", withUser(password.URL, "me:pass")}, true},
		{"wrong URL", nil, []string{"--nats-url", withUser(password.URL, "me:nonsense")}, false},
		{"token", token, []string{"--nats-token", "tok"}, true},
		{"token in the URL", nil, []string{"--nats-url", withUser(token.URL, "tok")}, true},
		{"wrong token", token, []string{"--nats-token", "nonsense"}, false},
		{"nkey", nkey, []string{"--nats-nkey", seed}, true},
		{"wrong nkey", nkey, []string{"--nats-nkey", otherSeed}, false},
		{"creds", creds, []string{"--nats-creds", file}, true},
		{"wrong creds", creds, []string{"--nats-creds", badFile}, false},
		{"context with password", nil, []string{"--nats-context", "password"}, true},
		{"context with token", nil, []string{"--nats-context", "token"}, true},
		{"context with nkey", nil, []string{"--nats-context", "nkey"}, true},
		{"context with creds", nil, []string{"--nats-context", "creds"}, true},
		{"context that is wrong", nil, []string{"--nats-context", "wrong"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			flags := test.flags
			if test.server != nil {
				flags = append(flags, "--nats-url", test.server.URL)
			}
			check := func(got result) {
				t.Helper()
				want := "no responders" // we were let in
				if !test.ok {
					want = "NATS does not take this user: look at"
				}
				if got.code != exitFailed || !strings.Contains(got.stderr, want) {
					t.Errorf("got %+v, want %q", got, want)
				}
			}
			check(runSeqd(t, append([]string{"next", "demo", "key"}, flags...)...))
			for i := 0; i < len(flags); i += 2 {
				t.Setenv(strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(flags[i], "--"), "-", "_")), flags[i+1])
			}
			check(runSeqd(t, "next", "demo", "key"))
		})
	}
	if got := runSeqd(t, "next", "demo", "key", "--nats-context", "unknown"); !strings.Contains(got.stderr, "nats context ls shows the contexts") {
		t.Errorf("unknown context: %+v", got)
	}
}

// A worker whose credentials are taken from it says so, and comes back with the
// ones that are put into the file.
func TestCredentialsAreReplaced(t *testing.T) {
	t.Parallel()
	t.Run("creds", func(t *testing.T) {
		op := newOperator(t)
		first, user := op.creds(t)
		second, _ := op.creds(t)
		var revoked bool
		nats := servers.StartNATS(t, nil)
		replaced(t, nats, "creds", first, second, func(o *server.Options) {
			if op.server(t, o); revoked {
				op.claims.RevokeAt(user, time.Now())
				op.server(t, o)
			}
			revoked = true
		})
	})
	t.Run("nkey", func(t *testing.T) {
		first, second := newKeys(t, nkeys.CreateUser), newKeys(t, nkeys.CreateUser)
		allowed := first.public
		replaced(t, servers.StartNATS(t, nil), "nkey", first.seed, second.seed, func(o *server.Options) {
			o.Nkeys = []*server.NkeyUser{{Nkey: allowed}}
			allowed = second.public
		})
	})
}

// replaced runs a worker with the first text in the file of a setting, against a
// server that change has changed, has the server changed again, and then puts
// the second text into the file.
func replaced(t *testing.T, nats *servers.NATS, setting, first, second string, change func(*server.Options)) {
	t.Helper()
	nats.Restart(t, change)
	dir := t.TempDir()
	secrets := put(t, filepath.Join(dir, "secrets"), first)
	db := servers.StartEtcd(t)
	file := put(t, filepath.Join(dir, "seqd.yaml"), fmt.Sprintf("nats: {url: %q, %s: %s}\netcd: {endpoints: [%q]}\n", nats.URL, setting, secrets, db.Endpoint))
	p := start(t, nil, "worker", "--config", file, "--http-addr", "none")
	p.wait(t, p.stderr, "joined the queue group")
	next := func(want string) {
		t.Helper()
		wantIDs(t, nats.URL, want, "demo", "key", "--mode", "strong", "--nats-"+setting, secrets)
	}
	next("1\n")
	nats.Restart(t, change)
	p.wait(t, p.stderr, `can't connect to NATS[^\n]*authorization violation[^\n]*NATS does not take this user`)
	put(t, secrets, second)
	p.wait(t, p.stderr, "reconnected to NATS")
	next("2\n")
	if n := strings.Count(p.stderr.String(), "can't connect to NATS"); n > 4 {
		t.Errorf("it complained %d times:\n%s", n, p.stderr)
	}
}
