package integration_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// impatience is how long the callers of an overloaded worker wait.
const impatience = 50 * time.Millisecond

// storm is callers who ask whether they are answered or not.
type storm struct {
	nc      *nats.Conn
	subject func(i int) string
	header  nats.Header

	sent     []atomic.Int64 // when, in nanoseconds since begun; negative: answered
	begun    time.Time
	goodput  atomic.Int64 // ids that came in time
	late     atomic.Int64 // ids that came too late
	errors   sync.Map     // code: *atomic.Int64
	answered atomic.Int64
	twice    atomic.Int64           // answers to a request that had one
	bad      atomic.Pointer[string] // an answer that should not be
	ids      sync.Map               // id, key: true
}

// newStorm prepares up to size requests, on a connection of their own.
func newStorm(tb testing.TB, server *servers.NATS, name string, size int, header nats.Header, subject func(i int) string) *storm {
	tb.Helper()
	s := &storm{nc: server.Connect(tb), subject: subject, header: header, sent: make([]atomic.Int64, size), begun: time.Now()}
	sub, err := s.nc.Subscribe("storm."+name+".*", func(m *nats.Msg) { s.hear(m, len("storm."+name+".")) })
	if err != nil {
		tb.Fatal(err)
	}
	_ = sub.SetPendingLimits(-1, -1)
	if err := s.nc.Flush(); err != nil {
		tb.Fatal(err)
	}
	return s
}

func (s *storm) hear(m *nats.Msg, prefix int) {
	now := int64(time.Since(s.begun))
	i, _ := strconv.Atoi(m.Subject[prefix:])
	at := s.sent[i].Swap(-1)
	if at < 0 {
		s.twice.Add(1)
		return
	}
	s.answered.Add(1)
	reply, err := subjects.DecodeReply(m.Header, m.Data)
	var refusal *subjects.Error
	switch {
	case err == nil:
		if _, known := s.ids.LoadOrStore([2]string{s.subject(i), fmt.Sprint(reply.ID)}, true); known {
			s.complain("id %d twice", reply.ID)
		}
	case !errors.As(err, &refusal):
		s.complain("%v", err)
	case refusal.Code == subjects.Busy && (refusal.RetryAfter < 10*time.Millisecond || refusal.RetryAfter > time.Second):
		s.complain("%v, retry after %v", refusal, refusal.RetryAfter)
	}
	if code := m.Header.Get(subjects.ErrorCodeHeader); code != "" {
		n, _ := s.errors.LoadOrStore(code, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
	} else if now-at <= int64(impatience) {
		s.goodput.Add(1)
	} else {
		s.late.Add(1)
	}
}

func (s *storm) complain(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.bad.Store(&text)
}

// send asks with number i.
func (s *storm) send(name string, i int) error {
	s.sent[i].Store(int64(time.Since(s.begun)))
	return s.nc.PublishMsg(&nats.Msg{Subject: s.subject(i), Reply: "storm." + name + "." + strconv.Itoa(i), Header: s.header})
}

// blow asks rate times a second for d, as far as the machine can, and returns
// how many requests that made.
func (s *storm) blow(tb testing.TB, name string, rate float64, d time.Duration) int {
	tb.Helper()
	begin, i := time.Now(), 0
	for elapsed := time.Duration(0); elapsed < d; elapsed = time.Since(begin) {
		due := min(int(rate*elapsed.Seconds()), len(s.sent))
		for ; i < due; i++ {
			if err := s.send(name, i); err != nil {
				tb.Fatal(err)
			}
		}
		if i == len(s.sent) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return i
}

func (s *storm) String() string {
	text := fmt.Sprintf("%d answered, %d in time, %d late", s.answered.Load(), s.goodput.Load(), s.late.Load())
	s.errors.Range(func(code, n any) bool {
		text += fmt.Sprintf(", %s × %d", code, n.(*atomic.Int64).Load())
		return true
	})
	return text
}

// Whatever comes, every request is answered, once: with an id nobody else has,
// or with an error that says when to come again. Nothing is lost that the worker
// does not count.
func TestOverloadAnswersEveryRequest(t *testing.T) {
	server, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	r := runWorkerAt(t, server, db.Endpoint, func(c *worker.Config) { c.MaxWaiting = 512 })
	r.waitReady(t)
	t.Cleanup(func() { r.stop(t) })
	for _, test := range []struct {
		name   string
		mode   string
		keys   int
		header nats.Header
	}{
		{"one", "strong", 1, nil},
		{"many", "strong", 5000, nil},
		{"many-impatient", "strong", 5000, nats.Header{subjects.TimeoutHeader: {"50"}}},
		{"weak", "weak", 5000, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			header := nats.Header{subjects.ModeHeader: {test.mode}}
			maps.Copy(header, test.header)
			s := newStorm(t, server, test.name, 20_000, header, func(i int) string {
				return "seq." + test.name + "." + strconv.Itoa(i%test.keys)
			})
			before := dropped(t, s.nc)
			n := s.blow(t, test.name, 1e6, 10*time.Second)
			end := time.Now().Add(patience)
			for s.answered.Load() < int64(n) && time.Now().Before(end) {
				time.Sleep(5 * time.Millisecond)
			}
			t.Logf("%d requests: %s", n, s)
			if got := s.answered.Load() + dropped(t, s.nc) - before; got != int64(n) || s.twice.Load() > 0 {
				t.Errorf("%d requests were answered or counted as dropped, and %d answered twice; want %d and 0", got, s.twice.Load(), n)
			}
			if bad := s.bad.Load(); bad != nil {
				t.Error(*bad)
			}
		})
	}
}

// dropped returns how many requests the worker says were dropped unanswered.
func dropped(t *testing.T, nc *nats.Conn) int64 {
	t.Helper()
	m, err := nc.Request("$SRV.STATS", nil, patience)
	if err != nil {
		t.Fatal(err)
	}
	var stats struct {
		Endpoints []struct{ Data struct{ Dropped int64 } }
	}
	if err := json.Unmarshal(m.Data, &stats); err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for _, e := range stats.Endpoints {
		n += e.Data.Dropped
	}
	return n
}

// BenchmarkOverload first finds the peak: the most ids a second that come within
// 50 ms to callers who wait for their answers. Then requests come at five times
// that rate, whether they are answered or not, and it counts the ids that come
// within 50 ms again.
//
// etcd is 20 ms away, so that it is the limit and not the machine that the
// callers share with everything else; each request is for a key of its own, so
// that requests can't share an advance.
//
//	go test ./integration -run '^$' -bench Overload -benchtime 3x
func BenchmarkOverload(b *testing.B) {
	for _, test := range []struct {
		name   string
		header nats.Header
	}{
		{"patience=named", nats.Header{subjects.ModeHeader: {"strong"}, subjects.TimeoutHeader: {strconv.FormatInt(impatience.Milliseconds(), 10)}}},
		{"patience=unnamed", nats.Header{subjects.ModeHeader: {"strong"}}},
	} {
		b.Run(test.name, func(b *testing.B) {
			server, db := servers.StartNATS(b, nil), servers.StartEtcd(b)
			proxy := servers.StartProxy(b, db.Endpoint)
			startWorkerAt(b, server, proxy.Addr)
			proxy.Delay(10 * time.Millisecond)
			const slice = time.Second
			subject := func(i int) string { return "seq.demo." + strconv.Itoa(i%10_000) }
			var peak, offered, goodput float64
			for b.Loop() {
				time.Sleep(worker.DefaultMaxPatience) // nobody waits any more
				p := peakOf(b, server, subject, test.header, slice)
				name := fmt.Sprint(b.N, "-", time.Now().UnixNano())
				s := newStorm(b, server, name, int(5*p*slice.Seconds())+1, test.header, subject)
				n := s.blow(b, name, 5*p, slice)
				time.Sleep(impatience)
				b.Logf("peak %.0f/s, then %d requests: %s", p, n, s)
				peak, offered, goodput = peak+p, offered+float64(n)/slice.Seconds(), goodput+float64(s.goodput.Load())/slice.Seconds()
			}
			b.ReportMetric(peak/float64(b.N), "peak/s")
			b.ReportMetric(offered/float64(b.N), "offered/s")
			b.ReportMetric(goodput/float64(b.N), "goodput/s")
			b.ReportMetric(goodput/peak, "goodput/peak")
		})
	}
}

// peakOf returns how many ids a second come in time to the number of callers
// for which that is the most.
func peakOf(b *testing.B, server *servers.NATS, subject func(int) string, header nats.Header, d time.Duration) (peak float64) {
	b.Helper()
	nc := server.Connect(b)
	for _, callers := range []int{128, 256, 512, 1024} {
		var inTime atomic.Int64
		var next atomic.Int64
		var wg sync.WaitGroup
		begin := time.Now()
		for range callers {
			wg.Go(func() {
				for time.Since(begin) < d {
					m, err := nc.RequestMsg(&nats.Msg{Subject: subject(int(next.Add(1))), Header: header}, impatience)
					if err == nil && m.Header.Get(subjects.ErrorCodeHeader) == "" {
						inTime.Add(1)
					}
				}
			})
		}
		wg.Wait()
		peak = max(peak, float64(inTime.Load())/time.Since(begin).Seconds())
	}
	return peak
}
