package worker

import (
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/numbering"
	"github.com/seqd-io/seqd/subjects"
)

// newSubscriber returns a subscriber of a worker that does not run: the test
// calls handle, and the answers go to a real nats-server.
func newSubscriber(t testing.TB) *subscriber {
	w, err := New(Config{
		Backends: []Backend{{Counter: &allocatortest.Memory{}, Stores: []Store{{Name: subjects.AnyStore}}}},
		Log:      slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.backends[0].issuer.Stop)
	w.nc.Store(servers.StartNATS(t, nil).Connect(t, nats.SkipSubjectValidation()))
	return &subscriber{w: w, store: w.stores[subjects.AnyStore], scratch: make([]byte, 0, 128)}
}

func request(mode string) *nats.Msg {
	return &nats.Msg{Subject: "seq.demo.key666", Reply: "_INBOX.abcdefghijklmnopqrstuv.0", Data: []byte("\x82\xa4mode" + string([]byte{0xa0 + byte(len(mode))}) + mode + "\xa5nonce\xcf12345678")}
}

// The fast path, from the callback to the publish, allocates nothing, with
// tracing configured too.
func TestFastPathAllocatesNothing(t *testing.T) {
	s := newSubscriber(t)
	s.w.config.Trace = func(*Traced) { t.Error("traced") }
	unsampled, otherHeader := request("weak"), request("weak")
	unsampled.Header = nats.Header{"Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"}, "tracestate": {"a=1"}}
	otherHeader.Header = nats.Header{"Seq-Timeout-Ms": {"100000"}}
	for name, m := range map[string]*nats.Msg{
		"empty body":            {Subject: "seq.demo.key666", Reply: "_INBOX.abcdefghijklmnopqrstuv.0"},
		"map":                   request("weak"),
		"unsampled traceparent": unsampled,
		"another header":        otherHeader,
	} {
		t.Run(name, func(t *testing.T) {
			// Warm up, so that no segment has to be fetched meanwhile.
			for range 10_000 {
				s.handle(m)
			}
			// Other goroutines' allocations are counted too: the server's and
			// nats.go's. What handle allocates is there every time.
			least := 1.0
			for range 10 {
				least = min(least, testing.AllocsPerRun(1000, func() { s.handle(m) }))
			}
			if least > 0 {
				t.Errorf("%v allocations", least)
			}
		})
	}
}

// Nor does that of a key whose ids are counted by the year and printed.
func TestNumberedFastPathAllocatesNothing(t *testing.T) {
	s, m := newNumbered(t), request("weak")
	least := 1.0
	for range 10 {
		least = min(least, testing.AllocsPerRun(1000, func() { s.handle(m) }))
	}
	if least > 0 {
		t.Errorf("%v allocations", least)
	}
}

// newNumbered is newSubscriber for a store with numbers, whose key of request has a
// segment that lasts.
func newNumbered(t testing.TB) *subscriber {
	rule, err := numbering.New(numbering.Config{Period: "year", Zone: "Europe/Berlin", Format: "INV-{period}-{id:09}{check:damm}"})
	if err != nil {
		t.Fatal(err)
	}
	s := newSubscriber(t)
	memory := s.store.backend.Counter.(*allocatortest.Memory) // which counts on
	memory.Set(allocator.Key{Store: "demo", Name: "key666"}, rule.Period(time.Now()).Mark(0))
	s.store.Numbers = func(string) *numbering.Rule { return rule }
	m := request("weak")
	for range 10_000 {
		s.handle(m)
	}
	return s
}

func BenchmarkHandleNumbered(b *testing.B) {
	s, m := newNumbered(b), request("weak")
	b.ReportAllocs()
	for b.Loop() {
		s.handle(m)
	}
}

func BenchmarkHandleWeak(b *testing.B) {
	s, m := newSubscriber(b), request("weak")
	b.ReportAllocs()
	for b.Loop() {
		s.handle(m)
	}
}

func BenchmarkHandleStrong(b *testing.B) {
	s, m := newSubscriber(b), request("strong")
	s.w.config.MaxWaiting = 1 << 30
	b.ReportAllocs()
	for b.Loop() {
		s.handle(m)
	}
}

// An owned key's fast path allocates nothing either.
func TestOwnedFastPathAllocatesNothing(t *testing.T) {
	s, m := newOwner(t), request("strong")
	least := 1.0
	for range 10 {
		least = min(least, testing.AllocsPerRun(1000, func() { s.handle(m) }))
	}
	if least > 0 {
		t.Errorf("%v allocations", least)
	}
}

// newOwner is newSubscriber for a leased store, whose key of request is owned.
func newOwner(t testing.TB) *subscriber {
	s := newSubscriber(t)
	s.store.Leased = true
	s.store.backend.found(nil)
	issuer := s.store.backend.issuer
	if err := issuer.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := request("strong")
	for range 10_000 { // until no window has to be fetched for a while
		s.handle(m)
	}
	for s.w.waiting.Load() > 0 {
		runtime.Gosched()
	}
	if issuer.OwnedKeys() != 1 {
		t.Fatalf("%d keys are owned", issuer.OwnedKeys())
	}
	return s
}

func BenchmarkHandleOwned(b *testing.B) {
	s, m := newOwner(b), request("strong")
	b.ReportAllocs()
	for b.Loop() {
		s.handle(m)
	}
}
