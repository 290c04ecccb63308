package worker_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// team is workers on a real nats-server and a real etcd, each with ways of its
// own to both, that a test can spoil.
type team struct {
	server *servers.NATS
	db     *servers.Etcd
	nc     *nats.Conn // a caller's
	log    *logBuffer
	direct bool      // its workers' ways can't be spoilt, and are fast
	crew   []*member // those that have stopped too

	counting func(allocator.Key) etcd.Counting // of those who join from now on
}

type member struct {
	*running
	nats, etcd *servers.Proxy
	counter    *etcd.Counter
}

// lease of the stores in these tests.
const lease = time.Second

func startTeam(t testing.TB, size int, change func(*worker.Config)) *team {
	t.Helper()
	return newTeam(t, size, false, change)
}

func newTeam(t testing.TB, size int, direct bool, change func(*worker.Config)) *team {
	t.Helper()
	tm := &team{server: servers.StartNATS(t, nil), db: servers.StartEtcd(t), log: &logBuffer{}, direct: direct}
	tm.nc = tm.server.Connect(t)
	for range size {
		tm.join(t, change)
	}
	return tm
}

// join adds a worker, whose store "a" is leased unless change says otherwise.
func (tm *team) join(t testing.TB, change func(*worker.Config)) *member {
	t.Helper()
	m := &member{}
	url, endpoint := tm.server.URL, tm.db.Endpoint
	var pings []nats.Option
	if !tm.direct {
		m.nats, m.etcd = servers.StartProxy(t, url[len("nats://"):]), servers.StartProxy(t, endpoint)
		url, endpoint = "nats://"+m.nats.Addr, m.etcd.Addr
		pings = []nats.Option{nats.PingInterval(lease / 2)}
	}
	config := worker.Config{
		ID: nuid.Next(),
		Connect: func(options ...nats.Option) (*nats.Conn, error) {
			return nats.Connect(url, append(options, pings...)...)
		},
		Backends: []worker.Backend{{Name: "etcd", Lease: lease, Stores: []worker.Store{{Name: "a", Leased: true}}}},
		Log:      slog.New(slog.NewTextHandler(tm.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&config)
	}
	b := &config.Backends[0]
	counts := tm.counting
	if counts == nil {
		counts = counting(b.Stores)
	}
	m.counter = etcd.NewCounter(servers.Dial(t, endpoint), etcd.Config{Writer: config.ID, Lease: b.Lease, Log: config.Log, Counting: counts})
	b.Counter, b.Ready = m.counter, m.counter.Ready
	w, err := worker.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.running = &running{Worker: w, cancel: cancel, ended: make(chan error, 1)}
	go func() { m.ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		m.stop(t)
		m.counter.Close()
	})
	select {
	case <-w.Ready():
	case <-time.After(patience):
		t.Fatalf("the worker did not get ready: it is %s", w.State())
	}
	tm.crew = append(tm.crew, m)
	return m
}

// ask asks for one id, as often as it takes, and returns it.
func (tm *team) ask(t testing.TB, key allocator.Key) int64 {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		m, err := tm.nc.Request(subjects.Subject(subjects.Root, key.Store, key.Name), []byte("\x81\xa4mode\xa6strong"), 10*lease)
		if err == nil {
			reply, refused := subjects.DecodeReply(m.Header, m.Data)
			if refused == nil {
				return reply.ID
			}
			err = refused
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v: %v", key, err)
		}
	}
}

// owner returns the worker that owns keys, and the others.
func (tm *team) owner(t testing.TB) (owner *member, others []*member) {
	t.Helper()
	eventually(t, func() bool {
		owner, others = nil, nil
		for _, m := range tm.crew {
			if m.Snapshot().Backends[0].OwnedKeys > 0 {
				owner = m
			} else {
				others = append(others, m)
			}
		}
		return owner != nil
	}, "nobody owns a key")
	return owner, others
}

// callers ask for ids of keys all the time, until they are stopped. Every
// request has a reply subject of its own, and its answers are counted.
type callers struct {
	team    *team
	nc      *nats.Conn
	history allocatortest.History
	stop    chan struct{}
	done    sync.WaitGroup

	mu       sync.Mutex
	answered map[string]int // by reply subject
	refused  map[string]int // by the error's text
	unheard  int            // without an answer within a second
}

func (tm *team) call(t testing.TB, n int, keys ...allocator.Key) *callers {
	t.Helper()
	c := &callers{team: tm, nc: tm.nc, stop: make(chan struct{}), answered: map[string]int{}, refused: map[string]int{}}
	for i := range n {
		c.done.Go(func() { c.run(t, keys[i%len(keys)]) })
	}
	return c
}

func (c *callers) run(t testing.TB, key allocator.Key) {
	inbox := c.nc.NewInbox()
	answers := make(chan *nats.Msg, 1024)
	sub, err := c.nc.ChanSubscribe(inbox+".*", answers)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = sub.Unsubscribe() }()
	subject := subjects.Subject(subjects.Root, key.Store, key.Name)
	for {
		select {
		case <-c.stop:
			c.late(answers)
			return
		default:
		}
		reply, begun := inbox+"."+nuid.Next(), c.history.Now()
		if err := c.nc.PublishRequest(subject, reply, []byte("\x81\xa4mode\xa6strong")); err != nil {
			t.Error(err)
			return
		}
		c.await(t, key, reply, begun, answers)
	}
}

func (c *callers) await(t testing.TB, key allocator.Key, reply string, begun int64, answers <-chan *nats.Msg) {
	timeout := time.NewTimer(10 * time.Second)
	defer timeout.Stop()
	for {
		select {
		case m := <-answers:
			c.count(m)
			if m.Subject != reply {
				continue
			}
			ids, err := subjects.DecodeReply(m.Header, m.Data)
			c.mu.Lock()
			if err != nil {
				c.refused[err.Error()]++
			}
			c.mu.Unlock()
			if err == nil {
				c.history.Add(allocatortest.Op{Key: key, Ids: allocator.Range{First: ids.ID, N: ids.N}, Strong: true, Start: begun, End: c.history.Now()})
			}
			return
		case <-timeout.C:
			c.mu.Lock()
			c.unheard++
			c.mu.Unlock()
			return
		}
	}
}

// late counts what else comes within twice the time that a word is waited for.
func (c *callers) late(answers <-chan *nats.Msg) {
	timeout := time.After(500 * time.Millisecond)
	for {
		select {
		case m := <-answers:
			c.count(m)
		case <-timeout:
			return
		}
	}
}

func (c *callers) count(m *nats.Msg) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered[m.Subject]++
}

// end stops the callers and checks that U and S held, that no request was
// answered twice unless the word about it came too late, and none that may not be was left without an answer.
func (c *callers) end(t testing.TB, mayBeUnheard int) {
	t.Helper()
	close(c.stop)
	c.done.Wait()
	twice := 0
	for _, n := range c.answered {
		twice += n - 1
	}
	lost := 0
	for _, m := range c.team.crew {
		lost += int(m.Snapshot().HandoversLost)
	}
	if twice > lost {
		t.Errorf("%d requests were answered twice, and for %d no word came in time", twice, lost)
	} else if twice > 0 {
		t.Logf("%d requests were answered twice: this machine is slow", twice)
	}
	if c.unheard > mayBeUnheard {
		t.Errorf("%d requests were not answered, at most %d may be", c.unheard, mayBeUnheard)
	}
	if err := allocatortest.CheckUnique(c.history.Ops()); err != nil {
		t.Error(err)
	}
	if err := allocatortest.CheckStrong(c.history.Ops()); err != nil {
		t.Error(err)
	}
}
