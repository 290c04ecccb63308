package integration_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/integration/servers"
)

const (
	answersRate  = 10_000                 // requests a second, as far as the machine can
	answersLast  = 122 * time.Second      // what a window of a second comes to, with what a lease has besides
	answersBurst = 5 * time.Millisecond   // how often requests are made
	probeEvery   = 5 * time.Millisecond   // how often a STRONG request of another key is made
	answersStall = 100 * time.Millisecond // a request that takes longer is counted
)

// BenchmarkMillionAnswers makes a million requests that have an idempotency key,
// 10 000 a second, and looks at what their answers cost: etcd's size and memory, and
// how long a STRONG request of another key takes meanwhile, then while as many
// answers end as are made, and while a million end and none is made. etcd is in this
// process, and writes to its disk as it does by default. It takes about six minutes.
//
//	go test ./integration -run '^$' -bench MillionAnswers -benchtime 1x -timeout 20m
func BenchmarkMillionAnswers(b *testing.B) {
	if testing.Short() {
		b.Skip("minutes of its own")
	}
	db := servers.StartEtcdWith(b, func(c *embed.Config) { c.QuotaBackendBytes = 8 << 30 })
	client := db.Connect(b)
	c := etcd.NewCounter(db.Connect(b), etcd.Config{Writer: "w"})
	b.Cleanup(c.Close)
	issuer := allocator.NewIssuer(c, allocator.IssuerConfig{})
	b.Cleanup(issuer.Stop)
	a := &answersLoad{b: b, client: client, endpoint: db.Endpoint, issuer: issuer}
	for b.Loop() {
		a.run()
	}
}

type answersLoad struct {
	b        *testing.B
	client   *clientv3.Client
	endpoint string
	issuer   *allocator.Issuer

	made, failed, open atomic.Int64
}

func (a *answersLoad) run() {
	a.probe("quiet", func() { a.wait(10 * time.Second) })
	a.size("before")
	begin := time.Now()
	a.probe("a million are made", func() { a.load(func() bool { return a.made.Load()+a.open.Load() >= 1_000_000 }) })
	fmt.Printf("%d answers in %v: %.0f/s, %d failed\n", a.made.Load(), time.Since(begin).Round(time.Second), float64(a.made.Load())/time.Since(begin).Seconds(), a.failed.Load())
	a.size("a million answers")
	a.compact()
	a.size("compacted")
	a.probe("counting them", func() {
		began := time.Now()
		n, err := a.client.Get(a.b.Context(), record.Prefix(record.DefaultPrefix).Answers(), clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil {
			a.b.Fatal(err)
		}
		fmt.Printf("counted %d in %v\n", n.Count, time.Since(began).Round(time.Millisecond))
	})
	began := time.Now()
	if _, err := a.client.Defragment(a.b.Context(), a.endpoint); err != nil {
		a.b.Fatal(err)
	}
	fmt.Printf("defragmented in %v\n", time.Since(began).Round(time.Millisecond))
	a.size("defragmented")
	a.wait(time.Until(begin.Add(answersLast - time.Second)))
	before, steady := a.made.Load(), time.Now()
	a.probe("as many end as are made", func() { a.load(func() bool { return time.Since(steady) > time.Minute }) })
	fmt.Printf("%.0f/s meanwhile, %d failed in all\n", float64(a.made.Load()-before)/time.Since(steady).Seconds(), a.failed.Load())
	a.size("after that minute")
	a.probe("they end", func() { a.wait(answersLast + 30*time.Second) })
	a.size("all have ended")
	a.compact()
	a.size("compacted")
}

// load makes requests until it is done, and until all are answered.
func (a *answersLoad) load(done func() bool) {
	tick := time.NewTicker(answersBurst)
	defer tick.Stop()
	last, owed := time.Now(), 0.0
	for i := 0; !done(); {
		<-tick.C
		now := time.Now()
		owed += now.Sub(last).Seconds() * answersRate
		last = now
		for ; owed >= 1; owed-- {
			if a.open.Load() > 2000 { // the machine can't
				owed = 0
				break
			}
			i++
			a.open.Add(1)
			a.issuer.AllocateOnce(&allocator.Request{
				Key: allocator.Key{Store: "orders", Name: fmt.Sprint("customer-", i%8)}, N: 1, Deadline: now.Add(10 * time.Second), Waiter: a,
				Once: &allocator.Once{Key: fmt.Sprintf("%08x-0000-4000-8000-%012x", now.Unix(), i), Window: time.Second},
			}, false)
		}
	}
	for a.open.Load() > 0 {
		<-tick.C
	}
}

// Allocated counts what was answered.
func (a *answersLoad) Allocated(_ *allocator.Request, _ allocator.Range, err error) {
	if err != nil {
		if a.failed.Add(1) == 1 {
			fmt.Println("the first that failed:", err)
		}
	} else {
		a.made.Add(1)
	}
	a.open.Add(-1)
}

// probe makes STRONG requests of another key, one after the other, while f runs.
func (a *answersLoad) probe(what string, f func()) {
	ctx, cancel := context.WithCancel(a.b.Context())
	var took []time.Duration
	var all sync.WaitGroup
	all.Go(func() {
		tick := time.NewTicker(probeEvery)
		defer tick.Stop()
		for ctx.Err() == nil {
			begin, told := time.Now(), make(toldOf, 1)
			a.issuer.AllocateStrong(&allocator.Request{Key: allocator.Key{Store: "orders", Name: "probe"}, N: 1, Deadline: begin.Add(10 * time.Second), Waiter: told})
			if err := <-told; err != nil {
				fmt.Println("a probe:", err)
			}
			took = append(took, time.Since(begin))
			<-tick.C
		}
	})
	f()
	cancel()
	all.Wait()
	slices.Sort(took)
	long := 0
	for _, d := range took {
		if d > answersStall {
			long++
		}
	}
	at := func(q float64) time.Duration {
		return took[int(q*float64(len(took)-1))].Round(10 * time.Microsecond)
	}
	fmt.Printf("%-24s STRONG p50 %v, p99 %v, p99.9 %v, longest %v; %d of %d above %v\n", what, at(.5), at(.99), at(.999), at(1), long, len(took), answersStall)
}

type toldOf chan error

func (t toldOf) Allocated(_ *allocator.Request, _ allocator.Range, err error) { t <- err }

func (a *answersLoad) wait(d time.Duration) {
	if d > 0 {
		<-time.After(d)
	}
}

func (a *answersLoad) compact() {
	resp, err := a.client.Get(a.b.Context(), "/")
	if err != nil {
		a.b.Fatal(err)
	}
	began := time.Now()
	if _, err := a.client.Compact(a.b.Context(), resp.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		a.b.Fatal(err)
	}
	fmt.Printf("compacted to revision %d in %v\n", resp.Header.Revision, time.Since(began).Round(time.Millisecond))
}

// size prints how large etcd is, on disk and in memory.
func (a *answersLoad) size(when string) {
	s, err := a.client.Status(a.b.Context(), a.endpoint)
	if err != nil {
		a.b.Fatal(err)
	}
	leases, err := a.client.Leases(a.b.Context())
	if err != nil {
		a.b.Fatal(err)
	}
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Printf("%-24s db %.1f MB, in use %.1f MB; heap %.1f MB, resident %.1f MB; %d leases\n", when,
		float64(s.DbSize)/1e6, float64(s.DbSizeInUse)/1e6, float64(m.HeapAlloc)/1e6, resident(a.b, os.Getpid()), len(leases.Leases))
}
