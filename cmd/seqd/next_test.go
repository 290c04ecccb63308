//go:build !lean

package main

import (
	"strings"
	"testing"

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
