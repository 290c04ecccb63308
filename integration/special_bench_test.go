package integration_test

import (
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/numbering"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// BenchmarkSpecial has 256 callers ask for one key, in turn for plain ids and for
// what costs more: numbers from memory, and ids that a repeat gets again, each
// request with an idempotency key of its own. The turns alternate, so that a drift
// of the machine hits all alike; what counts are the medians of the ratios. The
// goals are numbers at 0.85 of WEAK, and idempotency keys at 0.5 of STRONG. etcd
// syncs to disk.
//
//	go test ./integration -run '^$' -bench Special -benchtime 15x
func BenchmarkSpecial(b *testing.B) {
	server, db := servers.StartNATS(b, nil), servers.StartEtcdWith(b, func(*embed.Config) {})
	rules := map[string]*numbering.Rule{}
	for key, c := range map[string]numbering.Config{
		"numbers":   {Format: "INV-{period}-{id:09}{check:luhn}"},
		"scrambled": {Format: "{yyyy}-{scramble:12}", Secret: []byte("a secret of the benchmark")},
	} {
		c.Period, c.Zone = "year", "Europe/Berlin"
		rule, err := numbering.New(c)
		if err != nil {
			b.Fatal(err)
		}
		rules[key] = rule
	}
	client := db.Connect(b)
	r := runWorkerOn(b, server, client, func(c *worker.Config) {
		counter := etcd.NewCounter(client, etcd.Config{
			Writer: c.ID, Log: slog.New(slog.DiscardHandler),
			Counting: func(k allocator.Key) etcd.Counting {
				if rule := rules[k.Name]; rule != nil {
					return etcd.Counting{Limit: rule.Limit(), Period: rule.Period}
				}
				return etcd.Counting{}
			},
		})
		b.Cleanup(counter.Close)
		c.Backends[0].Counter, c.Backends[0].Ready = counter, counter.Ready
		c.Backends[0].Stores = []worker.Store{{Name: "plain"}, {
			Name: "special", IdempotencyWindow: 10 * time.Minute,
			Numbers: func(key string) *numbering.Rule { return rules[key] },
		}}
	})
	r.waitReady(b)
	b.Cleanup(func() { r.stop(b) })

	weak, strong := subjects.Request{N: 1, Mode: subjects.Weak}, subjects.Request{N: 1, Mode: subjects.Strong}
	turns := []*specialTurn{
		{name: "weak", subject: "seq.plain.weak", body: weak.Append(nil)},
		{name: "numbers", subject: "seq.special.numbers", body: weak.Append(nil), to: "weak"},
		{name: "scrambled", subject: "seq.special.scrambled", body: weak.Append(nil), to: "weak"},
		{name: "strong", subject: "seq.plain.strong", body: strong.Append(nil)},
		{name: "once", subject: "seq.special.once", body: strong.Append(nil), once: true, to: "strong"},
	}
	nc := server.Connect(b)
	for _, t := range turns { // until segments are large
		t.ask(b, nc, 3*time.Second)
	}
	for b.Loop() {
		for _, t := range turns {
			t.rates = append(t.rates, t.ask(b, nc, 500*time.Millisecond))
		}
	}
	rates := map[string][]float64{}
	for _, t := range turns {
		rates[t.name] = t.rates
		b.ReportMetric(median(t.rates), t.name+"/s")
		if t.to == "" {
			continue
		}
		var ratios []float64
		for i, rate := range t.rates {
			ratios = append(ratios, rate/rates[t.to][i])
		}
		b.ReportMetric(median(ratios), t.name+"/"+t.to)
	}
}

// specialTurn is one kind of request.
type specialTurn struct {
	name, subject string
	body          []byte
	once          bool   // with idempotency keys
	to            string // the turn that its rate is held against
	rates         []float64

	keys atomic.Int64 // used
}

// ask has 256 callers ask for d, each again as soon as it has its answer, and
// returns how many answers came in a second.
func (t *specialTurn) ask(b *testing.B, nc *nats.Conn, d time.Duration) float64 {
	b.Helper()
	var answers atomic.Int64
	var wg sync.WaitGroup
	begun := time.Now()
	for range 256 {
		wg.Go(func() {
			n := int64(0)
			for time.Since(begun) < d {
				body := t.body
				if t.once { // as the clients ask
					again := subjects.Request{N: 1, Mode: subjects.Strong, IdempotencyKey: "order-" + strconv.FormatInt(t.keys.Add(1), 10)}
					body = again.Append(nil)
				}
				m, err := nc.Request(t.subject, body, 5*time.Second)
				if err != nil || m.Header != nil {
					b.Errorf("%s: %v, %v", t.name, m, err)
					return
				}
				n++
			}
			answers.Add(n)
		})
	}
	wg.Wait()
	return float64(answers.Load()) / time.Since(begun).Seconds()
}
