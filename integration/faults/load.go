package faults

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/subjects"
)

// The load: a few hot keys, so that workers race for them, all asked for in
// STRONG mode and those of two stores in WEAK mode too.
var (
	mixedKeys  = []allocator.Key{{Store: "orders", Name: "a"}, {Store: "orders", Name: "b"}}
	strongKeys = []allocator.Key{{Store: "audit", Name: "x"}, {Store: "audit", Name: "y"}}
	leasedKeys = []allocator.Key{{Store: leasedStore, Name: "p"}, {Store: leasedStore, Name: "q"}}
)

const (
	rawCallers  = 16                      // each with one request under way, of which every answer is recorded
	sdkCallers  = 8                       // each with one call of the Go client under way
	extraCaller = 1000                    // and up: callers that a fault brings along
	maxN        = 20                      // ids in one request
	patience    = time.Second             // of half of the raw callers, who say so
	noPatience  = 2500 * time.Millisecond // of the others, who leave it to the worker: it answers within 2 s
	callTimeout = 8 * time.Second
	spacing     = 30 * time.Millisecond // between a caller's requests, on average
)

// load is callers at work until stop.
type load struct {
	record *record
	conns  []*conn
	ats    []*natsServer // where each of conns is
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// startLoad starts callers, half of them on each nats-server if there are two.
func startLoad(t testing.TB, s *system, r *record, pick picker) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{record: r, cancel: cancel}
	for i := range 4 {
		at := s.callersAt()[i%len(s.callersAt())]
		l.conns, l.ats = append(l.conns, dialCaller(t, at, r)), append(l.ats, at)
	}
	for i := range rawCallers + sdkCallers {
		c := l.conns[i%len(l.conns)]
		next := c.ask
		if i >= rawCallers {
			next = c.call
		}
		l.wg.Go(func() {
			rnd := rand.New(rand.NewPCG(rand.Uint64(), uint64(i)))
			for ctx.Err() == nil {
				next(ctx, pick(rnd, i))
				sleep(ctx, spacing/2+rand.N(spacing))
			}
		})
	}
	t.Cleanup(l.stop)
	return l
}

// at returns the nats-server that a caller is connected to.
func (l *load) at(caller int) *natsServer { return l.ats[caller%len(l.ats)] }

// callersAt returns the nats-servers that callers connect to.
func (s *system) callersAt() []*natsServer { return s.nats[s.callers:] }

// stop ends the callers and waits for them; answers are still heard.
func (l *load) stop() {
	l.cancel()
	l.wg.Wait()
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// conn is a caller's connection. It hears every answer to every request it has
// sent, for as long as it is open, and so knows which were answered late, twice
// or never.
type conn struct {
	nc     *nats.Conn
	record *record
	client *seqd.Client
	inbox  string

	mu   sync.Mutex
	sent map[string]*ask // by the last token of the reply subject, which is the nonce too
}

func dialCaller(t testing.TB, server *natsServer, r *record) *conn {
	t.Helper()
	options := append(seqd.ConnectOptions(),
		nats.PingInterval(2*time.Second), nats.ReconnectWait(100*time.Millisecond), nats.ReconnectJitter(50*time.Millisecond, 0),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // seen in the record
	nc, err := server.connect("caller", options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	c := &conn{nc: nc, record: r, inbox: nats.NewInbox(), sent: map[string]*ask{}}
	if c.client, err = seqd.New(nc, seqd.WithTimeout(callTimeout)); err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Subscribe(c.inbox+".*", c.hear); err != nil {
		t.Fatal(err)
	}
	return c
}

// ask sends one request and waits for its answer.
func (c *conn) ask(_ context.Context, a ask) {
	if a.Client%2 == 0 {
		c.askFor(a, patience, patience*9/10)
	} else {
		c.askFor(a, noPatience, 0)
	}
}

// askFor waits at most for patience, and tells the worker that it is said; 0 says
// nothing. It is true if there were ids.
func (c *conn) askFor(what ask, patience, said time.Duration) bool {
	a := c.record.begin(what)
	if !c.nc.IsConnected() {
		c.record.giveUp(a, notConnected)
		return false
	}
	token := strconv.FormatUint(rand.Uint64(), 36)
	nonce, _ := subjects.StringNonce(token) // 13 bytes at most
	request := subjects.Request{N: a.n, Mode: mode(a.Strong), Nonce: nonce}
	m := nats.NewMsg(subjects.Subject(subjects.Root, a.Key.Store, a.Key.Name))
	m.Reply, m.Data = c.inbox+"."+token, request.Append(nil)
	if said > 0 {
		m.Header.Set(subjects.TimeoutHeader, strconv.FormatInt(said.Milliseconds(), 10))
	}
	c.mu.Lock()
	c.sent[token] = a
	c.mu.Unlock()
	if err := c.nc.PublishMsg(m); err != nil {
		c.record.giveUp(a, notConnected)
		return false
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-a.done:
	case <-timer.C:
		c.record.giveUp(a, noAnswer)
	}
	return c.record.got(a)
}

// hear takes an answer.
func (c *conn) hear(m *nats.Msg) {
	token := strings.TrimPrefix(m.Subject, c.inbox+".")
	c.mu.Lock()
	a := c.sent[token]
	c.mu.Unlock()
	if a == nil {
		return
	}
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		c.record.answer(a, allocator.Range{}, noResponders)
		return
	}
	if isAcknowledgement(m) {
		c.record.acknowledge(a)
		return
	}
	reply, err := subjects.DecodeReply(m.Header, m.Data)
	nonce, _ := subjects.StringNonce(token)
	if e, ok := errors.AsType[*subjects.Error](err); ok {
		outcome := string(e.Code)
		if e.Code == subjects.Unavailable && e.RetryAfter == 0 {
			outcome = noRetryAfter
		}
		c.record.answer(a, allocator.Range{}, outcome)
	} else if reply.Nonce != nonce || reply.N != a.n {
		c.record.answer(a, allocator.Range{}, wrongAnswer)
	} else {
		c.record.answer(a, allocator.Range{First: reply.ID, N: reply.N}, "")
	}
}

// isAcknowledgement reports whether JetStream says that it has stored a request.
func isAcknowledgement(m *nats.Msg) bool { return strings.HasPrefix(string(m.Data), `{"stream":`) }

// call makes one call of the Go client, which tries again by itself.
func (c *conn) call(ctx context.Context, what ask) {
	what.call = true
	a := c.record.begin(what)
	ids, err := c.client.NextN(context.WithoutCancel(ctx), a.Key.Store, a.Key.Name, a.n, seqd.WithMode(mode(a.Strong)))
	if err != nil {
		c.record.answer(a, allocator.Range{}, outcomeOf(err))
		return
	}
	c.record.answer(a, allocator.Range{First: ids.First, N: ids.N}, "")
}

func outcomeOf(err error) string {
	if e, ok := errors.AsType[*subjects.Error](err); ok {
		return string(e.Code)
	}
	if errors.Is(err, seqd.ErrNoWorkers) {
		return noResponders
	}
	return noAnswer
}

func mode(strong bool) subjects.Mode {
	if strong {
		return subjects.Strong
	}
	return subjects.Weak
}
