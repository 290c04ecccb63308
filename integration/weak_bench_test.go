package integration_test

import (
	"testing"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
)

// BenchmarkHotWeakKey has 256 callers ask for one WEAK key, and reports how
// often it makes the worker write to etcd once it is warm. The goal is one
// transaction in half a runway. It takes half a minute.
//
//	go test ./integration -run '^$' -bench HotWeakKey -benchtime 1x
func BenchmarkHotWeakKey(b *testing.B) {
	if testing.Short() {
		b.Skip("half a minute of its own")
	}
	server, db := servers.StartNATS(b, nil), servers.StartEtcdWith(b, func(*embed.Config) {})
	startWorker(b, server, db)
	nc, kv := server.Connect(b), db.Connect(b)
	weak := subjects.Request{N: 1, Mode: subjects.Weak}
	body := weak.Append(nil)
	revision := func() int64 {
		resp, err := kv.Get(b.Context(), "/")
		if err != nil {
			b.Fatal(err)
		}
		return resp.Header.Revision
	}
	start := revision()
	ask(b, nc, "seq.demo.hot", body, 256, allocator.DefaultRunway)
	warm := revision()
	const measured = 2 * allocator.DefaultRunway
	answers := ask(b, nc, "seq.demo.hot", body, 256, measured)
	b.ReportMetric(float64(warm-start), "txns-to-warm-up")
	b.ReportMetric(float64(answers)/measured.Seconds(), "ids/s")
	b.ReportMetric(float64(revision()-warm)/measured.Seconds()*(allocator.DefaultRunway/2).Seconds(), "txns/half-runway")
}
