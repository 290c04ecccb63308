package integration_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
)

// BenchmarkThroughput has 256 callers ask for one key, in turn a bare NATS echo
// of 20 bytes, WEAK and STRONG, everything on one machine in one process. The
// turns alternate, so that a drift of the machine hits all alike; what counts is
// the ratio to the echo.
//
//	go test ./integration -run '^$' -bench Throughput -benchtime 10x
func BenchmarkThroughput(b *testing.B) {
	server, db := servers.StartNATS(b, nil), servers.StartEtcd(b)
	startWorker(b, server, db)
	echo := server.Connect(b)
	reply := make([]byte, 20)
	if _, err := echo.QueueSubscribe("echo.demo.key", "echo", func(m *nats.Msg) { _ = echo.Publish(m.Reply, reply) }); err != nil {
		b.Fatal(err)
	}
	if err := echo.Flush(); err != nil {
		b.Fatal(err)
	}
	weak := subjects.Request{N: 1, Mode: subjects.Weak}
	strong := subjects.Request{N: 1, Mode: subjects.Strong}
	turns := []struct {
		name    string
		subject string
		body    []byte
		total   int64
	}{
		{name: "echo", subject: "echo.demo.key", body: weak.Append(nil)},
		{name: "weak", subject: "seq.demo.weak", body: weak.Append(nil)},
		{name: "strong", subject: "seq.demo.strong", body: strong.Append(nil)},
	}
	nc := server.Connect(b)
	for i := range turns { // warm up
		ask(b, nc, turns[i].subject, turns[i].body, 256, 500*time.Millisecond)
	}
	const slice = 500 * time.Millisecond
	for b.Loop() {
		for i := range turns {
			turns[i].total += ask(b, nc, turns[i].subject, turns[i].body, 256, slice)
		}
	}
	for _, turn := range turns {
		b.ReportMetric(float64(turn.total)/(float64(b.N)*slice.Seconds()), turn.name+"/s")
	}
	for _, turn := range turns[1:] {
		b.ReportMetric(float64(turn.total)/float64(turns[0].total), turn.name+"/echo")
	}
}

// ask has callers ask for d, each again as soon as it has its answer, and
// returns how many answers came.
func ask(b *testing.B, nc *nats.Conn, subject string, body []byte, callers int, d time.Duration) int64 {
	b.Helper()
	var answers atomic.Int64
	var wg sync.WaitGroup
	end := time.Now().Add(d)
	for range callers {
		wg.Go(func() {
			n := int64(0)
			for time.Now().Before(end) {
				m, err := nc.Request(subject, body, 5*time.Second)
				if err != nil || len(m.Data) != 20 {
					b.Errorf("%s: %v, %v", subject, m, err)
					return
				}
				n++
			}
			answers.Add(n)
		})
	}
	wg.Wait()
	return answers.Load()
}
