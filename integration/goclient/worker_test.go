package goclient_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/ports"
	"github.com/seqd-io/seqd/subjects"
)

// user and password keep strangers out: a client of another package's test may
// be trying for ever to reconnect to a port that is ours by now.
const user, password = "clients-go", "secret"

// startServer runs a NATS server in this process, on a free port unless opts
// says otherwise, until the test ends.
func startServer(tb testing.TB, opts *server.Options) *server.Server {
	tb.Helper()
	if opts == nil {
		opts = &server.Options{}
	}
	if opts.Port == 0 {
		opts.Port = ports.Number(tb, ports.Free(tb))
	}
	if opts.Users == nil {
		opts.Username, opts.Password = user, password
	}
	opts.Host, opts.NoLog, opts.NoSigs = "127.0.0.1", true, true
	s, err := server.NewServer(opts)
	if err != nil {
		tb.Fatal(err)
	}
	s.Start()
	tb.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(pace.Patience) {
		tb.Fatal("the NATS server did not start")
	}
	return s
}

// urlOf returns the address of s, with a login.
func urlOf(s *server.Server) string {
	return "nats://" + user + ":" + password + "@" + s.Addr().String()
}

func connect(tb testing.TB, s *server.Server, opts ...nats.Option) *nats.Conn {
	tb.Helper()
	opts = append([]nats.Option{nats.UserInfo(user, password)}, opts...)
	nc, err := nats.Connect(s.ClientURL(), append(seqd.ConnectOptions(), opts...)...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	return nc
}

func newClient(tb testing.TB, nc *nats.Conn, opts ...seqd.Option) *seqd.Client {
	tb.Helper()
	c, err := seqd.New(nc, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// request is what a scripted worker got.
type request struct {
	subjects.Request
	num     int // 1 for the worker's first
	store   string
	key     string
	header  nats.Header
	arrived time.Time
	msg     *nats.Msg
}

func (r *request) ids(first int64) { r.send(&subjects.Reply{ID: first, N: r.N, Nonce: r.Nonce}) }

func (r *request) send(reply *subjects.Reply) {
	r.raw(reply.Header(), reply.Append(nil, subjects.Msgpack))
}

func (r *request) fail(e *subjects.Error) {
	r.raw(e.Header(), subjects.AppendError(nil, subjects.Msgpack, e, &r.Nonce))
}

func (r *request) raw(header nats.Header, body []byte) {
	_ = r.msg.RespondMsg(&nats.Msg{Header: header, Data: body})
}

// serve runs a worker that answers as told, one request after the other, and
// returns a count of its requests. A request that is not canonical fails the
// test.
func serve(tb testing.TB, s *server.Server, answer func(r *request)) *atomic.Int64 {
	tb.Helper()
	nc := connect(tb, s, nats.ReconnectWait(5*time.Millisecond), nats.ReconnectJitter(0, 0))
	var count atomic.Int64
	_, err := nc.QueueSubscribe(subjects.Wildcard(subjects.Root, subjects.AnyStore), subjects.Queue, func(msg *nats.Msg) {
		r := &request{num: int(count.Add(1)), header: msg.Header, arrived: time.Now(), msg: msg}
		store, key, err := subjects.Parse(subjects.Root, msg.Subject)
		if err != nil {
			tb.Errorf("subject %q: %v", msg.Subject, err)
		}
		r.store, r.key = store, key
		if err := r.Decode(msg.Header, msg.Data); err != nil {
			tb.Errorf("request %q: %v", msg.Data, err)
		}
		answer(r)
	})
	if err != nil {
		tb.Fatal(err)
	}
	if err := nc.Flush(); err != nil { // from here on the server knows the subscription
		tb.Fatal(err)
	}
	return &count
}

// counters issue ids as a worker does.
type counters struct {
	mu   sync.Mutex
	last map[string]int64 // by store and key
}

func (c *counters) answer(r *request) { r.ids(c.take(r.store+" "+r.key, r.N)) }

func (c *counters) take(name string, n int) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		c.last = make(map[string]int64)
	}
	first := c.last[name] + 1
	c.last[name] += int64(n)
	return first
}
