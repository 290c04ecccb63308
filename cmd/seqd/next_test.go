//go:build !lean

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/seqd-io/seqd/integration/servers"
)

// wantNobody checks that seqd next gets no id, and says why.
func wantNobody(t *testing.T, url string, want ...string) {
	t.Helper()
	got := runSeqd(t, "next", "demo", "key", "--nats-url", url)
	for _, text := range want {
		if got.code != exitFailed || !strings.Contains(got.stderr, text) {
			t.Errorf("got %+v, want %q", got, text)
		}
	}
}

// While etcd was down, or the workers fenced, `seqd next` said that no worker
// serves the store and to check the store's name, though workers were there.
func TestNextSaysWhyNobodyServes(t *testing.T) {
	nats, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	wantNobody(t, nats.URL, "no worker of the store serves now", "start a worker")

	file := configFile(t, "nats: {url: "+nats.URL+"}\netcd: {endpoints: ["+db.Endpoint+"]}\nstores:\n  other: {}\n")
	other := start(t, []string{"SEQD_HTTP_ADDR=none"}, "worker", "--config", file)
	other.wait(t, other.stderr, "joined the queue group")
	wantNobody(t, nats.URL, `workers are there, for seq.other.>; check the store's name and the root "seq"`)
	slip := runSeqd(t, "next", "ohter", "key", "--nats-url", nats.URL)
	if slip.code != exitFailed || !strings.Contains(slip.stderr, `did you mean other?`) {
		t.Errorf("got %+v, want the store's name", slip)
	}

	p := start(t, []string{"SEQD_HTTP_ADDR=none"}, "worker", "--nats-url", nats.URL, "--etcd-endpoints", db.Endpoint)
	p.wait(t, p.stderr, "joined the queue group")
	db.Stop()
	p.wait(t, p.stderr, "left the queue group")
	bench := runSeqd(t, "bench", "orders", "key", "--nats-url", nats.URL) // it advised to start a worker
	for strings.Contains(bench.stderr, "UNAVAILABLE") {                   // the nats-server has not heard yet that it left
		bench = runSeqd(t, "bench", "orders", "key", "--nats-url", nats.URL)
	}
	if want := "its workers are there and don't answer: 1 unavailable"; bench.code != exitFailed || !strings.Contains(bench.stderr, want) || strings.Contains(bench.stderr, "start a worker") {
		t.Errorf("got %+v, want %q", bench, want)
	}
	wantNobody(t, nats.URL, "its workers are there and don't answer: 1 unavailable (etcd can't be reached or refuses writes); what to do says: seqd doctor")
}

// NATS lets a user subscribe to seq.*.> who is denied a part of it, and keeps that
// part back: the worker says that it serves. `seqd next` said "serving by now (ask
// again)", for ever.
func TestNextWhereAPartIsDenied(t *testing.T) {
	nats := servers.StartNATS(t, func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "worker", Password: "p", Permissions: &server.Permissions{Subscribe: &server.SubjectPermission{Deny: []string{"seq.demo.>"}}}},
			{Username: "u", Password: "p"},
		}
	})
	as := func(user string) string { return strings.Replace(nats.URL, "//", "//"+user+":p@", 1) }
	db := servers.StartEtcd(t)
	p := start(t, []string{"SEQD_HTTP_ADDR=none"}, "worker", "--nats-url", as("worker"), "--etcd-endpoints", db.Endpoint)
	p.wait(t, p.stderr, "joined the queue group")
	wantNobody(t, as("u"), "1 serving by what it says (ask again; if that does not help, this store may be denied to its NATS user, or to yours)")
}

// A user who may not ask workers what they are hears as much as before, and no
// more of NATS than that.
func TestNextMayNotAskWhyNobodyServes(t *testing.T) {
	nats := servers.StartNATS(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{"seq.>"}}}}}
	})
	got := runSeqd(t, "next", "demo", "key", "--nats-url", strings.Replace(nats.URL, "//", "//u:p@", 1))
	if got.code != exitFailed || strings.Count(got.stderr, "\n") != 1 || !strings.Contains(got.stderr, "no worker of the store serves now") {
		t.Errorf("got %+v", got)
	}
}

// wantNext checks what seqd next prints.
func wantNext(t *testing.T, url, stdout, stderr string, args ...string) {
	t.Helper()
	got := runSeqd(t, append([]string{"next", "--nats-url", url}, args...)...)
	if got.code != 0 || got.stdout != stdout || got.stderr != stderr {
		t.Errorf("next %q: got %+v, want %q and %q", args, got, stdout, stderr)
	}
}

// Where there are numbers they are printed, in every mode and through a real worker;
// and a request that is made again gets the ones that it got.
func TestNextPrintsNumbers(t *testing.T) {
	nats, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	file := configFile(t, "nats: {url: "+nats.URL+"}\netcd: {endpoints: ["+db.Endpoint+"]}\n"+
		"stores:\n  billing:\n    mode: strong\n    number: {format: \"INV-{id:06}\"}\n    keys:\n      plain: {number: {period: none}}\n"+
		"  years:\n    number: {period: year, format: \"{period}/{id}\"}\n")
	p := start(t, []string{"SEQD_HTTP_ADDR=none"}, "worker", "--config", file)
	p.wait(t, p.stderr, "joined the queue group")
	again := "seqd next: the same answer again: an earlier request with the idempotency key \"order 17\" had got it\n"
	wantNext(t, nats.URL, "INV-000001\n", "", "billing", "invoice")
	wantNext(t, nats.URL, "INV-000002\nINV-000003\n", "", "billing", "invoice", "-n", "2", "--idempotency-key", "order 17")
	wantNext(t, nats.URL, "INV-000002\nINV-000003\n", again, "billing", "invoice", "-n", "2", "--idempotency-key", "order 17")
	wantNext(t, nats.URL, `{"id":"2","n":2,"numbers":["INV-000002","INV-000003"]}`+"\n", again, "billing", "invoice", "-n", "2", "--format", "json", "--idempotency-key", "order 17")
	wantNext(t, nats.URL, `{"id":"4","n":1,"number":"INV-000004"}`+"\n", "", "billing", "invoice", "--format", "json")
	wantNext(t, nats.URL, "1\n2\n", "", "billing", "plain", "-n", "2")
	year := time.Now().UTC().Format("2006")
	wantNext(t, nats.URL, year+"/1\n", "", "years", "ticket", "--mode", "strong")

	if got := runSeqd(t, "next", "billing", "invoice", "--nats-url", nats.URL, "--idempotency-key", "order 17"); got.code != exitFailed || !strings.Contains(got.stderr, "another n or mode") {
		t.Errorf("another request with its key: got %+v", got)
	}
	for _, key := range []string{"", strings.Repeat("k", 65)} {
		if got := runSeqd(t, "next", "billing", "invoice", "--nats-url", nats.URL, "--idempotency-key", key); got.code != exitUsage || !strings.Contains(got.stderr, "must have 1 to 64 bytes") {
			t.Errorf("key %q: got %+v", key, got)
		}
	}
}
