package integration_test

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// BenchmarkLeasedKeys has 256 callers go round 1 000 keys that one worker owns,
// and reports how many transactions that takes once it is warm, renewals of the
// session too, and how many keys' windows they bring. The goal is at most one
// transaction a second, and one for each key in half a runway: 201 a second. It
// takes a minute.
//
//	go test ./integration -run '^$' -bench LeasedKeys -benchtime 1x
func BenchmarkLeasedKeys(b *testing.B) {
	if testing.Short() {
		b.Skip("a minute of its own")
	}
	const (
		keys, callers = 1000, 256
		lease         = 3 * time.Second
		measured      = 2 * allocator.DefaultRunway
	)
	server, db := servers.StartNATS(b, nil), servers.StartEtcdWith(b, func(*embed.Config) {})
	client := db.Connect(b)
	var counter *etcd.Counter
	r := runWorkerOn(b, server, client, func(c *worker.Config) {
		counter = etcd.NewCounter(client, etcd.Config{Writer: c.ID, Lease: lease, Log: slog.New(slog.DiscardHandler)})
		b.Cleanup(counter.Close)
		c.Backends = []worker.Backend{{Counter: counter, Ready: counter.Ready, Lease: lease, Stores: []worker.Store{{Name: subjects.AnyStore, Leased: true}}}}
	})
	r.waitReady(b)
	b.Cleanup(func() { r.stop(b) })
	nc := server.Connect(b)

	round := func(d time.Duration) int64 {
		var answers atomic.Int64
		var wg sync.WaitGroup
		end := time.Now().Add(d)
		for caller := range callers {
			wg.Go(func() {
				for key := caller; time.Now().Before(end); key = (key + callers) % keys {
					if err := oneID(b.Context(), nc, fmt.Sprintf("seq.demo.key-%d", key)); err != nil {
						b.Error(err)
						return
					}
					answers.Add(1)
				}
			})
		}
		wg.Wait()
		return answers.Load()
	}
	count := func() (txns, windows float64) {
		stats := counter.Stats()
		for _, n := range stats.Transactions {
			txns += float64(n)
		}
		for _, n := range stats.Swaps {
			windows += float64(n)
		}
		return txns, windows
	}
	round(2 * allocator.DefaultRunway)
	txns, windows := count()
	answers := round(measured)
	moreTxns, moreWindows := count()
	b.ReportMetric(float64(answers)/measured.Seconds(), "ids/s")
	b.ReportMetric((moreTxns-txns)/measured.Seconds(), "txns/s")
	b.ReportMetric((moreWindows-windows)/measured.Seconds(), "windows/s")
}
