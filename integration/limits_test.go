package integration_test

import (
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
)

// BenchmarkLimits tells what STRONG can't fall below on this machine: what NATS
// and etcd cost without seqd, in processor time where many ask (cpu-µs, of all
// parts, per id) and in latency where one does (p50-µs). The turns alternate.
//
//	go test ./integration -run '^$' -bench Limits -benchtime 7x
func BenchmarkLimits(b *testing.B) {
	b.Run("callers=256", benchmarkProcessorLimits)
	b.Run("callers=1", benchmarkLatencyLimits)
}

func benchmarkProcessorLimits(b *testing.B) {
	p := startParts(b)
	turns := []*turn{
		{name: "echo", callers: 256, op: p.request("echo.demo.hot", false)},
		{name: "strong,1-key", callers: 256, op: p.request("seq.demo.hot", false)},
		{name: "strong,256-keys", callers: 256, op: p.request("seq.demo.key", true)},
		{name: "txn-per-id", callers: 256, op: p.txn},
		{name: "txn-of-127-keys", callers: 2, op: p.flatTxn(127), ids: 127},
	}
	for range b.N {
		for _, t := range turns {
			t.take(b)
		}
	}
	for _, t := range turns {
		b.ReportMetric(median(t.cpu), t.name+"-cpu-µs")
	}
	// The most that STRONG could do, of 256 keys, if seqd cost nothing.
	b.ReportMetric(median(turns[3].cpu)/(median(turns[0].cpu)+median(turns[4].cpu)), "limit-x-txn-per-id")
}

func benchmarkLatencyLimits(b *testing.B) {
	p := startParts(b)
	echo := p.request("echo.demo.hot", false)
	turns := []*turn{
		{name: "echo", callers: 1, op: echo},
		{name: "txn", callers: 1, op: p.txn},
		{name: "txn-then-echo", callers: 1, op: func(i int) error {
			if err := p.txn(i); err != nil {
				return err
			}
			return echo(i)
		}},
		{name: "txn-in-a-callback", callers: 1, op: p.request("naive.demo.hot", false)},
		{name: "strong", callers: 1, op: p.request("seq.demo.hot", false)},
	}
	var limit, ratio []float64
	for i := range b.N {
		for _, t := range turns {
			t.take(b)
		}
		sum := turns[0].p50[i] + turns[1].p50[i]
		limit = append(limit, turns[3].p50[i]/sum)
		ratio = append(ratio, turns[4].p50[i]/sum)
	}
	for _, t := range turns {
		b.ReportMetric(median(t.p50), t.name+"-p50-µs")
	}
	b.ReportMetric(median(limit), "txn-in-a-callback/(echo+txn)")
	b.ReportMetric(median(ratio), "strong/(echo+txn)")
}

// turn is one load, that takes turns with others.
type turn struct {
	name    string
	callers int
	ids     int // of one op; 0 means 1
	op      func(caller int) error

	cpu, p50 []float64 // of each time, in µs: per id, and of one op
}

func (t *turn) take(b *testing.B) {
	const warm, slice = 100 * time.Millisecond, 500 * time.Millisecond
	t.drive(b, warm)
	before := processorTime()
	took := t.drive(b, slice)
	slices.Sort(took)
	ids := float64(len(took) * max(t.ids, 1))
	t.cpu = append(t.cpu, float64((processorTime()-before).Nanoseconds())/1e3/ids)
	t.p50 = append(t.p50, float64(took[len(took)/2].Nanoseconds())/1e3)
}

// drive has callers call op for d, each again as soon as it is back, and
// returns how long each call took.
func (t *turn) drive(b *testing.B, d time.Duration) (took []time.Duration) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	end := time.Now().Add(d)
	for c := range t.callers {
		wg.Go(func() {
			var own []time.Duration
			for now := time.Now(); now.Before(end); {
				if err := t.op(c); err != nil {
					b.Errorf("%s: %v", t.name, err)
					return
				}
				began := now
				now = time.Now()
				own = append(own, now.Sub(began))
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, own...)
		})
	}
	wg.Wait()
	if b.Failed() {
		b.FailNow()
	}
	return took
}

// parts are all parts of a system, in this process, and what can be asked of
// them without seqd.
type parts struct {
	nc *nats.Conn
	kv *clientv3.Client
}

func startParts(b *testing.B) *parts {
	server, db := servers.StartNATS(b, nil), servers.StartEtcdWith(b, func(*embed.Config) {})
	startWorker(b, server, db)
	p := &parts{nc: server.Connect(b), kv: db.Connect(b)}
	responder, reply := server.Connect(b), make([]byte, 20)
	_, err := responder.QueueSubscribe("echo.>", "echo", func(m *nats.Msg) { _ = responder.Publish(m.Reply, reply) })
	if err != nil {
		b.Fatal(err)
	}
	_, err = responder.QueueSubscribe("naive.>", "naive", func(m *nats.Msg) {
		if p.txn(0) == nil {
			_ = responder.Publish(m.Reply, reply)
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := responder.Flush(); err != nil {
		b.Fatal(err)
	}
	return p
}

// request asks for a STRONG id of subject, or of a key for each caller.
func (p *parts) request(subject string, own bool) func(caller int) error {
	request := subjects.Request{N: 1, Mode: subjects.Strong}
	body := request.Append(nil)
	return func(caller int) error {
		subject := subject
		if own {
			subject = fmt.Sprint(subject, caller)
		}
		m, err := p.nc.Request(subject, body, 5*time.Second)
		if err == nil && len(m.Data) != 20 {
			err = fmt.Errorf("%v: %s", m.Header, m.Data)
		}
		return err
	}
}

// txn is what an id costs others: one transaction.
func (p *parts) txn(caller int) error {
	key := fmt.Sprint("/limits/", caller)
	_, err := p.kv.Txn(p.kv.Ctx()).Then(clientv3.OpPut(key, ""), clientv3.OpGet(key)).Commit()
	return err
}

// flatTxn compares and puts as many keys in one transaction.
func (p *parts) flatTxn(keys int) func(caller int) error {
	rev := make([]int64, 2)
	return func(caller int) error {
		var compares []clientv3.Cmp
		var puts []clientv3.Op
		for i := range keys {
			key := fmt.Sprint("/limits/flat/", caller, "/", i)
			compares = append(compares, clientv3.Compare(clientv3.ModRevision(key), "=", rev[caller]))
			puts = append(puts, clientv3.OpPut(key, `{"fmt":1,"last":123456,"by":"abcdefghijklmnopqrstuv"}`))
		}
		resp, err := p.kv.Txn(p.kv.Ctx()).If(compares...).Then(puts...).Commit()
		if err == nil && !resp.Succeeded {
			err = fmt.Errorf("a compare failed")
		}
		if err == nil {
			rev[caller] = resp.Header.Revision
		}
		return err
	}
}

// processorTime returns what this process has used, of all processors.
func processorTime() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
