package worker_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// losing is a Counter that loses every race to the rival it names, and advances
// only where it is told to do it alone.
type losing struct {
	*allocatortest.Memory
	rival atomic.Pointer[string]
	alone atomic.Int64 // advances that did not yield
}

func (l *losing) Start(a *allocator.Advance) {
	if rival := l.rival.Load(); rival != nil && a.Yield {
		a.Done.Advanced(a, allocator.Range{}, &allocator.LostRace{Winner: *rival})
		return
	}
	if !a.Yield {
		l.alone.Add(1)
	}
	l.Memory.Start(a)
}

// pair starts two workers over one memory. Callers reach the first one only.
func pair(t *testing.T) (f *fixture, first, second *losing, other *running) {
	t.Helper()
	f = start(t, func(c *worker.Config) { c.Backends[0].Stores = []worker.Store{{Name: "unused"}} })
	f.stop(t)
	first, second = &losing{Memory: f.memory}, &losing{Memory: f.memory}
	f.running = f.worker(t, func(c *worker.Config) {
		c.Backends[0].Counter, c.Backends[0].Stores = first, []worker.Store{{Name: "a"}}
	})
	f.waitReady(t)
	other = f.worker(t, func(c *worker.Config) {
		c.Root = "other"
		c.Backends[0].Counter, c.Backends[0].Stores = second, []worker.Store{{Name: "a"}}
	})
	other.waitReady(t)
	return f, first, second, other
}

// inbox hears all answers to a request.
func (f *fixture) inbox(t *testing.T) (reply string, answers *nats.Subscription) {
	t.Helper()
	reply = f.nc.NewInbox()
	answers, err := f.nc.SubscribeSync(reply)
	if err != nil {
		t.Fatal(err)
	}
	return reply, answers
}

func (f *fixture) request(t *testing.T, reply string, n int) {
	t.Helper()
	request := subjects.Request{N: n, Mode: subjects.Strong}
	if err := f.nc.PublishRequest("seq.a.key", reply, request.Append(nil)); err != nil {
		t.Fatal(err)
	}
}

// wantAnswer returns the ids of the one answer.
func wantAnswer(t *testing.T, answers *nats.Subscription) allocator.Range {
	t.Helper()
	m, err := answers.NextMsg(patience)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := subjects.DecodeReply(m.Header, m.Data)
	if err != nil {
		t.Fatal(err)
	}
	return allocator.Range{First: reply.ID, N: reply.N}
}

func wantNoAnswer(t *testing.T, answers *nats.Subscription) {
	t.Helper()
	if m, err := answers.NextMsg(10 * time.Millisecond); err == nil {
		t.Errorf("another answer: %q", m.Data)
	}
}

// rival has a worker of that name win against l, and hears what is handed over
// to it.
func (f *fixture) rival(t *testing.T, l *losing, name string) *nats.Subscription {
	t.Helper()
	l.rival.Store(&name)
	peer, err := f.nc.SubscribeSync(worker.PeerSubject(name))
	if err != nil {
		t.Fatal(err)
	}
	return peer
}
