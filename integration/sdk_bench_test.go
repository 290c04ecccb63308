package integration_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/allocator/etcd"
	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// crowd is goroutines that call op again and again.
type crowd struct {
	goroutines int
	op         func(context.Context) error
}

// rates runs each of crowds in turn, for a slice at a time, and returns the median
// rates per second.
func rates(b *testing.B, crowds ...crowd) []float64 {
	const slice = 300 * time.Millisecond
	all := make([][]float64, len(crowds))
	for round := range b.N + 1 { // the first one warms up
		for i, c := range crowds {
			var calls atomic.Int64
			var wg sync.WaitGroup
			begin := time.Now()
			end := begin.Add(slice)
			for range c.goroutines {
				wg.Go(func() {
					own := int64(0)
					for ; own&1023 != 0 || time.Now().Before(end); own++ {
						if err := c.op(b.Context()); err != nil {
							b.Error(err)
							return
						}
					}
					calls.Add(own)
				})
			}
			wg.Wait()
			if round > 0 {
				all[i] = append(all[i], float64(calls.Load())/time.Since(begin).Seconds())
			}
		}
	}
	medians := make([]float64, len(crowds))
	for i := range crowds {
		medians[i] = median(all[i])
	}
	return medians
}

func next(s *seqd.Sequence) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := s.Next(ctx)
		return err
	}
}

// BenchmarkSequence has 256 goroutines ask one sequence over one connection, with
// every part in this process and etcd synced to disk. Their calls share requests,
// which leave after the calls began. The turns: a responder that counts in a
// variable, the limit of the transport; ids that a worker has in memory (those of
// WEAK segments, asked for as STRONG ones are); the same by callers whose context
// may end, and with an inbox of the client's own; STRONG ids of a key that the
// worker owns by a lease; STRONG ids that etcd certifies.
//
// No id can come sooner than a request takes, so that 256 goroutines get at most
// 256 times what one gets that is alone: name/limit is what they got of that.
//
//	go test ./integration -run '^$' -bench 'Sequence$' -benchtime 7x
func BenchmarkSequence(b *testing.B) {
	server, db := servers.StartNATS(b, nil), servers.StartEtcdWith(b, func(*embed.Config) {})
	startWithLeased(b, server, db)
	count(b, server, "echo.demo.hot")
	client, own := newClient(b, server), newClient(b, server, seqd.WithOwnInbox())
	memory := next(newSequence(b, client, "memory"))
	leased, err := client.Sequence("leased", "hot", seqd.WithMode(seqd.Strong))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(leased.Close)
	turns := []struct {
		name string
		op   func(context.Context) error
	}{
		{"echo", endless(next(newSequence(b, client, "hot", seqd.WithRoot("echo"))))},
		{"memory", endless(memory)},
		{"cancelable", memory},
		{"own-inbox", endless(next(newSequence(b, own, "memory")))},
		{"leased", endless(next(leased))},
		{"strong", endless(next(newSequence(b, client, "hot", seqd.WithMode(seqd.Strong))))},
	}
	const goroutines = 256
	var crowds []crowd
	for _, turn := range turns {
		crowds = append(crowds, crowd{goroutines, turn.op}, crowd{1, turn.op})
	}
	r := rates(b, crowds...)
	for i, turn := range turns {
		together, alone := r[2*i], r[2*i+1]
		b.ReportMetric(together, turn.name+"-ids/s")
		b.ReportMetric(together/r[0], turn.name+"/echo")
		b.ReportMetric(together/(goroutines*alone), turn.name+"/limit")
	}
}

// startWithLeased runs a worker whose store "leased" has owners, beside all others.
func startWithLeased(b *testing.B, server *servers.NATS, db *servers.Etcd) {
	b.Helper()
	const lease = 3 * time.Second
	client := db.Connect(b)
	r := runWorkerOn(b, server, client, func(c *worker.Config) {
		counter := etcd.NewCounter(client, etcd.Config{Writer: c.ID, Lease: lease, Log: slog.New(slog.DiscardHandler)})
		b.Cleanup(counter.Close)
		c.Backends = append(c.Backends, worker.Backend{
			Name: "leases", Counter: counter, Ready: counter.Ready, Lease: lease,
			Stores: []worker.Store{{Name: "leased", Leased: true}},
		})
	})
	r.waitReady(b)
	b.Cleanup(func() { r.stop(b) })
}

// endless calls op with a context that has no end, as most callers have one.
func endless(op func(context.Context) error) func(context.Context) error {
	return func(context.Context) error { return op(context.Background()) }
}

// count answers requests to subject with ids from a variable.
func count(b *testing.B, server *servers.NATS, subject string) {
	b.Helper()
	nc, last := server.Connect(b), int64(0)
	_, err := nc.Subscribe(subject, func(m *nats.Msg) {
		var req subjects.Request
		if err := req.Decode(nil, m.Data); err != nil {
			b.Error(err)
			return
		}
		reply := subjects.Reply{ID: last + 1, N: req.N, Nonce: req.Nonce}
		last += int64(req.N)
		_ = nc.Publish(m.Reply, reply.Append(nil, req.Format))
	})
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPrefetch holds a WEAK sequence that keeps a stock against an atomic
// add, by one goroutine and by two that share it.
//
//	go test ./integration -run '^$' -bench Prefetch -benchtime 7x
func BenchmarkPrefetch(b *testing.B) {
	server, db := servers.StartNATS(b, nil), servers.StartEtcdWith(b, func(*embed.Config) {})
	startWorker(b, server, db)
	for _, n := range []int{1, 2} {
		b.Run(fmt.Sprint("goroutines=", n), func(b *testing.B) {
			s := newSequence(b, newClient(b, server), fmt.Sprint("stock", n), seqd.WithPrefetch(200_000))
			var add atomic.Int64
			r := rates(b, crowd{n, next(s)}, crowd{n, func(context.Context) error {
				add.Add(1)
				return nil
			}})
			b.ReportMetric(r[0], "weak-ids/s")
			b.ReportMetric(r[1], "adds/s")
			b.ReportMetric(r[0]/r[1], "weak/add")
		})
	}
}

// BenchmarkOwnInbox holds a client with an inbox of its own against one that
// uses nats.go's, with 256 goroutines that ask for one WEAK id each.
//
//	go test ./integration -run '^$' -bench OwnInbox -benchtime 7x
func BenchmarkOwnInbox(b *testing.B) {
	server, db := servers.StartNATS(b, nil), servers.StartEtcd(b)
	startWorker(b, server, db)
	ask := func(c *seqd.Client) crowd {
		return crowd{256, func(ctx context.Context) error {
			_, err := c.Next(ctx, "demo", "key", seqd.WithMode(seqd.Weak))
			return err
		}}
	}
	r := rates(b, ask(newClient(b, server, seqd.WithOwnInbox())), ask(newClient(b, server)))
	b.ReportMetric(r[0], "own-ids/s")
	b.ReportMetric(r[1], "nats.go-ids/s")
	b.ReportMetric(r[0]/r[1], "own/nats.go")
}
