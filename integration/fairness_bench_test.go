package integration_test

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// BenchmarkFairness has three tenants ask at a rate of their own, first alone and then
// beside one who asks fifty times as often as each of them, for a store of his own. It
// prints what they keep: the rate at which they get ids, and the 99th percentile of how
// long that takes, each to what it was alone.
//
// etcd is 100 ms away and takes 16 keys in a transaction, and each request is for a key
// that nobody else asks for then. So etcd is the limit, and not the machine: the one who
// asks most asks for more than there is.
//
//	go test ./integration -run '^$' -bench Fairness -benchtime 3x
func BenchmarkFairness(b *testing.B) {
	for _, mode := range []string{"strong", "weak"} {
		b.Run(mode, func(b *testing.B) {
			const rate, factor, slice = 10, 50, 10 * time.Second
			server, db := servers.StartNATS(b, nil), servers.StartEtcdWith(b, func(c *embed.Config) { c.UnsafeNoFsync, c.MaxTxnOps = true, 17 })
			proxy := servers.StartProxy(b, db.Endpoint)
			r := runWorkerAt(b, server, proxy.Addr, func(c *worker.Config) {
				c.Backends[0].Stores = nil
				for _, name := range []string{"a", "b", "c", "many"} {
					c.Backends[0].Stores = append(c.Backends[0].Stores, worker.Store{Name: name})
				}
			})
			r.waitReady(b)
			b.Cleanup(func() { r.stop(b) })
			proxy.Delay(50 * time.Millisecond)
			header := nats.Header{subjects.ModeHeader: {mode}}
			var kept, slower float64
			for b.Loop() {
				quiet := func() (all []*tenant) {
					for _, name := range []string{"a", "b", "c"} {
						all = append(all, newTenant(b, server, name, rate, header))
					}
					return all
				}
				alone, beside := quiet(), quiet()
				askAll(b, slice, alone...)
				many := newTenant(b, server, "many", factor*rate, header)
				askAll(b, slice, append(beside, many)...)
				was, tookWas := together(alone)
				is, took := together(beside)
				b.Logf("alone %d ids, p99 %v; beside %v: %d ids, p99 %v, %v", was, tookWas, many, is, took, beside)
				kept += float64(is) / float64(was)
				slower += float64(took) / float64(tookWas)
			}
			b.ReportMetric(kept/float64(b.N), "rate/alone")
			b.ReportMetric(slower/float64(b.N), "p99/alone")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// tenant asks at a rate, whether it is answered or not.
type tenant struct {
	nc     *nats.Conn
	store  string
	rate   int // requests a second
	header nats.Header
	inbox  string

	mu    sync.Mutex
	sent  []time.Time
	took  []time.Duration // until ids came
	codes map[string]int  // instead of ids
}

func newTenant(tb testing.TB, server *servers.NATS, store string, rate int, header nats.Header) *tenant {
	tb.Helper()
	a := &tenant{nc: server.Connect(tb), store: store, rate: rate, header: header, inbox: nats.NewInbox(), codes: map[string]int{}}
	sub, err := a.nc.Subscribe(a.inbox+".*", a.hear)
	if err != nil {
		tb.Fatal(err)
	}
	_ = sub.SetPendingLimits(-1, -1)
	if err := a.nc.Flush(); err != nil {
		tb.Fatal(err)
	}
	return a
}

func (a *tenant) hear(m *nats.Msg) {
	now := time.Now()
	i, _ := strconv.Atoi(m.Subject[len(a.inbox)+1:])
	a.mu.Lock()
	defer a.mu.Unlock()
	if code := m.Header.Get(subjects.ErrorCodeHeader); code != "" {
		a.codes[code]++
	} else {
		a.took = append(a.took, now.Sub(a.sent[i]))
	}
}

// askAll has all of them ask for d, and waits until nobody is served any more.
func askAll(tb testing.TB, d time.Duration, all ...*tenant) {
	tb.Helper()
	var wg sync.WaitGroup
	for _, a := range all {
		wg.Go(func() { a.ask(tb, d) })
	}
	wg.Wait()
	time.Sleep(worker.DefaultMaxPatience)
	for _, a := range all {
		a.nc.Close()
	}
}

func (a *tenant) ask(tb testing.TB, d time.Duration) {
	begin, i := time.Now(), 0
	for elapsed := time.Duration(0); elapsed < d; elapsed = time.Since(begin) {
		for ; i < int(float64(a.rate)*elapsed.Seconds()); i++ {
			a.mu.Lock()
			a.sent = append(a.sent, time.Now())
			a.mu.Unlock()
			err := a.nc.PublishMsg(&nats.Msg{Subject: fmt.Sprintf("seq.%s.%d", a.store, i%10_000), Reply: a.inbox + "." + strconv.Itoa(i), Header: a.header})
			if err != nil {
				tb.Error(err)
				return
			}
		}
		time.Sleep(time.Millisecond)
	}
}

func (a *tenant) String() string {
	return fmt.Sprintf("%s: %d asked, %d ids, %v", a.store, len(a.sent), len(a.took), a.codes)
}

// together returns how many of the tenants' requests got ids, and the 99th percentile of
// how long that took.
func together(all []*tenant) (ids int, p99 time.Duration) {
	var took []time.Duration
	for _, a := range all {
		took = append(took, a.took...)
	}
	if len(took) == 0 {
		return 0, 0
	}
	slices.Sort(took)
	return len(took), took[len(took)*99/100]
}
