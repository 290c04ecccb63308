package worker_test

import (
	"context"
	"errors"
	"slices"
	"sync"
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
	rival  atomic.Pointer[string]
	tried  atomic.Int64 // races lost
	known  atomic.Int64
	mu     sync.Mutex
	direct []int // what was advanced alone
}

func (l *losing) Start(a *allocator.Advance) {
	if rival := l.rival.Load(); rival != nil && a.Yield {
		l.tried.Add(1)
		a.Done.Advanced(a, allocator.Range{}, &allocator.LostRace{Winner: *rival})
		return
	}
	if !a.Yield {
		l.mu.Lock()
		l.direct = append(l.direct, a.N)
		l.mu.Unlock()
	}
	l.Memory.Start(a)
}

func (l *losing) Known(allocator.Key) int64 { return l.known.Load() }

func (l *losing) Given(_ allocator.Key, ids allocator.Range) { l.known.Store(ids.Last()) }

func (l *losing) alone() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.direct)
}

// pair starts two workers for two stores of their own over one memory, so that
// a test chooses who is asked: store a is the first's, b the second's. Each
// serves the other's store for its peer only.
func pair(t *testing.T) (f *fixture, first, second *losing, other *running) {
	t.Helper()
	f = start(t, func(c *worker.Config) { c.Backends[0].Stores = []worker.Store{{Name: "unused"}} })
	f.stop(t)
	first, second = &losing{Memory: f.memory}, &losing{Memory: f.memory}
	f.running = f.worker(t, func(c *worker.Config) {
		c.Backends[0].Counter, c.Backends[0].Stores = first, []worker.Store{{Name: "a"}}
	})
	f.waitReady(t)
	// The same store, kept out of the queue group: only its peers reach it.
	other = f.worker(t, func(c *worker.Config) {
		c.Root = "other"
		c.Backends[0].Counter, c.Backends[0].Stores = second, []worker.Store{{Name: "a"}}
	})
	other.waitReady(t)
	return f, first, second, other
}

// A batch that loses is handed over as a whole, and the winner serves it with
// an advance of its own.
func TestLosingBatchIsHandedOver(t *testing.T) {
	f, first, second, other := pair(t)
	id := other.ID()
	first.rival.Store(&id)
	inbox := f.nc.NewInbox()
	answers, err := f.nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	request := subjects.Request{N: 3, Mode: subjects.Strong}
	ask := func() {
		t.Helper()
		if err := f.nc.PublishRequest("seq.a.key", inbox, request.Append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	release := f.memory.Stall(key)
	ask()
	eventually(t, func() bool { return len(second.alone()) == 1 }, "the batch was not handed over")
	for range 9 { // wait for the next batch
		ask()
	}
	f.ask(t, "seq.a.key", header("Seq-Count", "0"), "") // refused, after those before it were accepted
	release()

	var history allocatortest.History
	for range 10 {
		m, err := answers.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		reply, err := subjects.DecodeReply(m.Header, m.Data)
		if err != nil {
			t.Fatal(err)
		}
		op := allocatortest.Op{Key: key, Ids: allocator.Range{First: reply.ID, N: reply.N}}
		history.Add(op)
	}
	if err := allocatortest.CheckUnique(history.Ops()); err != nil {
		t.Error(err)
	}
	if got := second.alone(); !slices.Equal(got, []int{3, 27}) {
		t.Errorf("the rival advanced by %v, want one advance per batch: [3 27]", got)
	}
	if got := first.alone(); len(got) > 0 {
		t.Errorf("the loser advanced by %v itself", got)
	}
	if n := first.tried.Load(); n != 1 {
		t.Errorf("the loser raced %d times, want once: it knows who wins", n)
	}
	counted := 0
	for _, s := range f.stats(t) {
		counted += dataOf(t, s).IDs
	}
	if counted != 30 {
		t.Errorf("%d ids were counted, want 30: handed batches are the loser's to count", counted)
	}
}

// A rival that is gone, does not answer in time or answers with more or fewer
// ids, costs time only.
func TestRivalWithoutAnAnswer(t *testing.T) {
	t.Run("gone", func(t *testing.T) {
		f, first, _, _ := pair(t)
		gone := "long-gone"
		first.rival.Store(&gone)
		for want := int64(1); want <= 3; want++ {
			if ids, err := f.next(t, key, subjects.Strong, 1); err != nil || ids.First != want {
				t.Errorf("got %v, %v, want %d", ids, err, want)
			}
		}
	})
	t.Run("of another length", func(t *testing.T) {
		f, first, _, _ := pair(t)
		liar := "liar"
		first.rival.Store(&liar)
		_, err := f.nc.Subscribe(subjects.PeerRoot+".liar.advance.>", func(m *nats.Msg) {
			reply := subjects.Reply{ID: 1000, N: 4}
			_ = m.Respond(reply.Append(nil, subjects.Msgpack))
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.nc.Flush(); err != nil {
			t.Fatal(err)
		}
		if ids, err := f.next(t, key, subjects.Strong, 5); err != nil || ids != (allocator.Range{First: 1, N: 5}) {
			t.Errorf("got %v, %v, want 1 to 5", ids, err)
		}
	})
	t.Run("with ids that are known", func(t *testing.T) { // etcd went back, and it does not know
		f, first, _, _ := pair(t)
		first.known.Store(1000)
		rewound := "rewound"
		first.rival.Store(&rewound)
		_, err := f.nc.Subscribe(subjects.PeerRoot+".rewound.advance.>", func(m *nats.Msg) {
			reply := subjects.Reply{ID: 1000, N: 5}
			_ = m.Respond(reply.Append(nil, subjects.Msgpack))
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.nc.Flush(); err != nil {
			t.Fatal(err)
		}
		if ids, err := f.next(t, key, subjects.Strong, 5); err != nil || ids.First == 1000 {
			t.Errorf("got %v, %v, want others", ids, err)
		}
		first.known.Store(999)
		first.rival.Store(&rewound)
		if ids, err := f.next(t, key, subjects.Strong, 5); err != nil || ids.First != 1000 {
			t.Errorf("got %v, %v, want the rival's", ids, err)
		}
		if known := first.known.Load(); known != 1004 {
			t.Errorf("the counter knows of ids up to %d, want 1004", known)
		}
	})
	t.Run("silent", func(t *testing.T) {
		f, first, _, other := pair(t)
		id := other.ID()
		first.rival.Store(&id)
		hold := make(chan struct{})
		f.memory.Script(func(c allocatortest.Call) allocatortest.Fault {
			if c.Seq == 0 { // the rival's
				return allocatortest.Fault{Hold: hold}
			}
			return allocatortest.Fault{}
		})
		ids, err := f.next(t, key, subjects.Strong, 5)
		if err != nil || ids != (allocator.Range{First: 1, N: 5}) {
			t.Errorf("got %v, %v, want 1 to 5", ids, err)
		}
		if got := first.alone(); !slices.Equal(got, []int{5}) {
			t.Errorf("advanced by %v itself, want [5]", got)
		}
		close(hold)
		eventually(t, func() bool { return waiting(f.stats(t)) == 0 }, "the rival did not finish")
		// Its ids, late, are nobody's; the next ones are greater.
		first.rival.Store(nil)
		if ids, err := f.next(t, key, subjects.Strong, 1); err != nil || ids.First < 6 {
			t.Errorf("got %v, %v", ids, err)
		}
	})
}

// Two that believe in each other do not pass a batch back and forth.
func TestHandedBatchIsNotHandedOn(t *testing.T) {
	f, first, second, other := pair(t)
	idFirst, idSecond := f.ID(), other.ID()
	first.rival.Store(&idSecond)
	second.rival.Store(&idFirst)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for want := int64(1); want <= 20; want++ {
		begin := time.Now()
		if ids, err := f.next(t, key, subjects.Strong, 1); err != nil || ids.First != want {
			t.Errorf("got %v, %v, want %d", ids, err, want)
		}
		if ctx.Err() != nil || time.Since(begin) > patience/2 {
			t.Fatal("it took too long")
		}
	}
	if n := second.tried.Load(); n > 0 {
		t.Errorf("the rival raced %d times with handed batches", n)
	}
}

// A worker that asks a rival refuses to be asked: two that ask each other would
// wait for each other until both gave up.
func TestLosersRefuseToBeAsked(t *testing.T) {
	f, first, second, other := pair(t)
	idFirst, idSecond := f.ID(), other.ID()
	first.rival.Store(&idSecond)
	second.rival.Store(&idFirst)
	release := f.memory.Stall(key) // holds the first's batch up at the second
	held := make(chan error, 1)
	go func() {
		_, err := f.next(t, key, subjects.Strong, 1)
		held <- err
	}()
	eventually(t, func() bool { return len(second.alone()) == 1 }, "the batch was not handed over")
	request := subjects.Request{N: 1}
	m := f.ask(t, "_SEQD."+idFirst+".advance.a.key", nil, string(request.Append(nil)))
	if _, err := subjects.DecodeReply(m.Header, m.Data); !errors.Is(err, subjects.ErrUnavailable) {
		t.Errorf("got %v, want a refusal", err)
	}
	release()
	if err := <-held; err != nil {
		t.Error(err)
	}
}

// A worker that drains refuses to be asked. It did not once, and where callers
// wanted a key all the time its rivals kept it busy until DrainTimeout.
func TestDrainingWorkerRefusesToBeAsked(t *testing.T) {
	f, first, second, other := pair(t)
	idSecond := other.ID()
	first.rival.Store(&idSecond)
	release := f.memory.Stall(key) // holds up the batch that the second has accepted, and so its drain
	held := make(chan error, 1)
	go func() {
		_, err := f.next(t, key, subjects.Strong, 1)
		held <- err
	}()
	eventually(t, func() bool { return len(second.alone()) == 1 }, "the batch was not handed over")
	stopped := make(chan error, 1)
	go func() { stopped <- other.stop(t) }()
	other.waitState(t, worker.Draining)
	request := subjects.Request{N: 1}
	m := f.ask(t, "_SEQD."+idSecond+".advance.a.key", nil, string(request.Append(nil)))
	if _, err := subjects.DecodeReply(m.Header, m.Data); !errors.Is(err, subjects.ErrUnavailable) {
		t.Errorf("got %v, want a refusal", err)
	}
	release()
	if err := errors.Join(<-held, <-stopped); err != nil {
		t.Error(err)
	}
}

// What peers send each other is checked like what callers send.
func TestPeersRefuseBadRequests(t *testing.T) {
	f := start(t, nil)
	subject := "_SEQD." + f.ID() + ".advance."
	for _, test := range []struct{ subject, body string }{
		{subject + "a.b=", ""},
		{subject + "a", ""},
		{subject + "a.b", `{"n":0}`},
		{subject + "a.b", "junk"},
	} {
		m := f.ask(t, test.subject, asJSON, test.body)
		if _, err := subjects.DecodeReply(m.Header, nil); !errors.Is(err, subjects.ErrBadRequest) {
			t.Errorf("%s %s: got %v", test.subject, test.body, err)
		}
	}
	if err := f.nc.PublishRequest(subject+"a.b", "seq.a.b", nil); err != nil {
		t.Fatal(err)
	}
	f.ask(t, "seq.a.fence", nil, "")
	for _, c := range f.memory.Calls() {
		if c.Key.Name != "fence" {
			t.Errorf("ids were burnt: %v", c)
		}
	}
}
