//go:build !lean

package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seqd-io/seqd/cmd/seqd/doctor"
	"github.com/seqd-io/seqd/integration/ports"
	"github.com/seqd-io/seqd/integration/servers"
)

// Rules were compared by the names that stores are configured under: a worker of
// every store and one that serves orders strictly shared the requests for orders,
// modes mixed by chance, and doctor said ok.
func TestDoctorComparesWhatRulesCover(t *testing.T) {
	nats, db := system(t)
	t.Setenv("SEQD_ETCD_ENDPOINTS", "")
	head := fmt.Sprintf("nats: {url: %s}\netcd: {endpoints: [%s]}\n", nats.URL, db.Endpoint)
	for _, test := range []struct {
		name, stores string
		status       doctor.Status
		text         string
	}{
		{"modes", "orders: {mode: strong, modes: [strong]}", doctor.Fail, "the workers of seq.orders.> don't agree on modes: strong or strong and weak (worker "},
		{"default mode", "orders: {mode: strong}", doctor.Fail, "the workers of seq.orders.> don't agree on default_mode: strong or weak (worker "},
		{"floor", "orders: {bigger_than: 1000}", doctor.Fail, "the workers of seq.orders.> don't agree on floors: none (worker "},
		{"a key's floor", "orders: {keys: {invoice: {bigger_than: 1000}}}", doctor.Fail, "the workers of seq.orders.> don't agree on floors: none (worker "},
		{"count", "orders: {max_count: 7}", doctor.Warn, "the workers of seq.orders.> don't agree on max_count: 100000 (worker "},
		{"segments", "orders: {weak: {segment_min: 7}}", doctor.Warn, "the workers of seq.orders.> don't agree on segments: 10 to 1000000, runway 10s (worker "},
		{"the same, spelt out", "orders: {mode: weak, modes: [strong, weak], max_count: 100000, weak: {segment_min: 10, runway: 10s}}", doctor.OK, ""},
		{"another store's", "users: {mode: strong}\n  orders: {}", doctor.Fail, "seq.users.> don't agree on default_mode"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, stores := range []string{`"*": {}`, test.stores} {
				p := start(t, nil, "worker", "--config", configFile(t, head+"stores:\n  "+stores+"\n"))
				p.wait(t, p.stderr, "joined the queue group")
			}
			report, _ := examine(t, "--etcd-endpoints", db.Endpoint)
			want(t, report, "workers.rules", test.status, test.text)
		})
	}
}

// A worker of one store does not serve every store.
func TestDoctorWantsEveryStoreServed(t *testing.T) {
	nats, db := system(t)
	file := configFile(t, fmt.Sprintf("nats: {url: %s}\netcd: {endpoints: [%s]}\nstores:\n  orders: {}\n", nats.URL, db.Endpoint))
	for range 2 {
		p := start(t, []string{"SEQD_ETCD_ENDPOINTS=" + db.Endpoint}, "worker", "--config", file)
		p.wait(t, p.stderr, "joined the queue group")
	}
	report, _ := examine(t)
	want(t, report, "workers.replicas", doctor.Fail, "none serves seq.*.>")
}

// With too few subscriptions allowed, or too small messages, all was ok.
func TestDoctorLooksAtLimits(t *testing.T) {
	skipIfShort(t)
	db := servers.StartEtcd(t)
	t.Setenv("SEQD_ETCD_ENDPOINTS", db.Endpoint)
	t.Setenv("SEQD_HTTP_ADDR", "none")
	nats := servers.StartNATS(t, func(o *server.Options) { o.MaxSubs = 11 })
	t.Setenv("NATS_URL", nats.URL)
	p := start(t, nil, "worker")
	p.wait(t, p.stderr, "maximum subscriptions exceeded[^\n]*a worker of these stores needs 12 subscriptions")
	report, _ := examine(t)
	want(t, report, "nats.limits", doctor.Fail, "this user may not have 12 subscriptions at once")
	want(t, report, "workers.state", doctor.Fail, "is denied for seq.*.>: nats: server maximum subscriptions exceeded -> raise max_subscriptions")

	nats.Restart(t, func(o *server.Options) { o.MaxSubs, o.MaxPayload = 12, 4096 })
	p.wait(t, p.stderr, "joined the queue group")
	report, _ = examine(t)
	want(t, report, "nats.limits", doctor.Warn, "max_payload is 4096 bytes")
	nats.Restart(t, func(o *server.Options) { o.MaxPayload = 32 })
	report, _ = examine(t)
	want(t, report, "nats.limits", doctor.Fail, "max_payload is 32 bytes")

	nats.Restart(t, func(o *server.Options) { o.MaxPayload, o.NoHeaderSupport = 0, true })
	p.wait(t, p.stderr, "NATS takes no headers: not serving the store[^\n]*take no_header_support out")
	report, _ = examine(t)
	want(t, report, "nats.limits", doctor.Fail, "the server supports no headers, which every error has: workers do not serve -> take no_header_support out")
	want(t, report, "workers.state", doctor.Fail, "is denied for seq.*.>: nats-server says that it supports no headers -> take no_header_support out")
}

// An export that keeps a way back for each answer had nats-server take hundreds
// of megabytes in seconds, and callers behind a leaf node and an import are never
// told that nobody serves; the server says neither.
func TestDoctorLooksAtAccounts(t *testing.T) {
	skipIfShort(t)
	db := servers.StartEtcd(t)
	t.Setenv("SEQD_ETCD_ENDPOINTS", db.Endpoint)
	t.Setenv("SEQD_HTTP_ADDR", "none")
	for _, test := range []struct {
		export, leafs string
		status        doctor.Status
		text          string
	}{
		{"", "", doctor.OK, "requests come through 1 exports"},
		{", response_type: Stream", "", doctor.Warn, "account SEQD exports seq.*.> with responses of type Stream"},
		{"", "leafnodes { host: 127.0.0.1, port: -1 }", doctor.Warn, "account TENANT imports seq.orders.> and has leaf nodes"},
	} {
		monitor := ports.Free(t)
		conf := configFile(t, fmt.Sprintf(`
accounts {
  SEQD { users: [{user: w, password: w}], exports: [{service: "seq.*.>"%s}] }
  TENANT { users: [{user: c, password: c}], imports: [{service: {account: SEQD, subject: "seq.orders.>"}}] }
}
http: %q
%s`, test.export, monitor, test.leafs))
		nats := servers.StartNATSWith(t, conf, nil)
		if test.leafs != "" {
			nats.Leaf(t, "c", "c")
		}
		t.Setenv("NATS_URL", strings.Replace(nats.URL, "//", "//w:w@", 1))
		report, _ := examine(t, "--nats-monitor", "http://"+monitor)
		want(t, report, "nats.accounts", test.status, test.text)
	}
}

// A tenant who may hear _SEQD.>, or an account that is let in there, reads callers'
// reply subjects and can answer in a worker's place.
func TestDoctorFindsWhoHearsWorkers(t *testing.T) {
	server, _ := system(t)
	startWorkers(t, 2)
	report, _ := examine(t)
	want(t, report, "nats.peers", doctor.OK, "nobody but workers hears")
	nc := server.Connect(t)
	for _, subject := range []string{"_SEQD.>", "_SEQD.*.requests", ">"} {
		sub, err := nc.SubscribeSync(subject)
		if err == nil {
			err = nc.Flush()
		}
		if err != nil {
			t.Fatal(err)
		}
		report, _ = examine(t)
		want(t, report, "nats.peers", doctor.Warn, `let only workers subscribe to "_SEQD.>"`)
		if err := errors.Join(sub.Unsubscribe(), nc.Flush()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDoctorFindsAccountsThatReachWorkers(t *testing.T) {
	db := servers.StartEtcd(t)
	t.Setenv("SEQD_ETCD_ENDPOINTS", db.Endpoint)
	for _, subject := range []string{">", "_SEQD.>", "*.orders.>"} {
		monitor := ports.Free(t)
		nats := servers.StartNATSWith(t, configFile(t, fmt.Sprintf(`
accounts { SEQD { users: [{user: w, password: w}], exports: [{service: "seq.*.>"}, {service: %q}] } }
http: %q`, subject, monitor)), nil)
		t.Setenv("NATS_URL", strings.Replace(nats.URL, "//", "//w:w@", 1))
		report, _ := examine(t, "--nats-monitor", "http://"+monitor)
		want(t, report, "nats.accounts", doctor.Fail, fmt.Sprintf(`account SEQD exports %s: another account can send or hear what is between workers`, subject))
	}
}

// A stream that captured requests had JetStream answer callers before the worker
// did, and doctor said that all was ok.
func TestDoctorFindsStreamsOfRequests(t *testing.T) {
	db := servers.StartEtcd(t)
	t.Setenv("SEQD_ETCD_ENDPOINTS", db.Endpoint)
	nats := servers.StartNATS(t, func(o *server.Options) { o.JetStream, o.StoreDir = true, t.TempDir() })
	t.Setenv("NATS_URL", nats.URL)
	js, err := jetstream.New(nats.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	config := jetstream.StreamConfig{Name: "ALL", Subjects: []string{"seq.orders.>", "other"}}
	for _, test := range []struct {
		name   string
		change func()
		status doctor.Status
		text   string
	}{
		{"captured", func() {}, doctor.Fail, "stream ALL captures seq.orders.>, other, where requests for ids are"},
		{"without a word", func() { config.NoAck = true }, doctor.OK, "no stream captures requests"},
		{"another subject", func() { config.NoAck, config.Subjects = false, []string{"other"} }, doctor.OK, "no stream captures requests"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.change()
			if _, err := js.CreateOrUpdateStream(t.Context(), config); err != nil {
				t.Fatal(err)
			}
			report, _ := examine(t)
			want(t, report, "nats.streams", test.status, test.text)
		})
	}
}
