package goclient_test

import (
	"errors"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/subjects"
)

var ownInbox = append([]seqd.Option{seqd.WithOwnInbox()}, patient...)

// Reply subjects are used again: as many as there are requests at a time.
func TestOwnInboxReusesSubjects(t *testing.T) {
	s := startServer(t, nil)
	var mu sync.Mutex
	replies := make(map[string]int)
	ids := new(counters)
	serve(t, s, func(r *request) {
		mu.Lock()
		replies[r.msg.Reply]++
		mu.Unlock()
		ids.answer(r)
	})
	c := newClient(t, connect(t, s), ownInbox...)
	var wg sync.WaitGroup
	const callers, calls = 8, 100
	for range callers {
		wg.Go(func() {
			for last := int64(0); last < calls; {
				id, err := c.Next(t.Context(), "orders", "invoice")
				if err != nil || id <= last {
					t.Errorf("got %d, %v after %d", id, err, last)
					return
				}
				last = id
			}
		})
	}
	wg.Wait()
	if len(replies) > callers {
		t.Errorf("%d callers used %d reply subjects", callers, len(replies))
	}
}

func TestOwnInboxErrors(t *testing.T) {
	for _, want := range codes {
		t.Run(string(want.err.Code), func(t *testing.T) {
			s := startServer(t, nil)
			count := serve(t, s, func(r *request) {
				if r.num <= 2 {
					r.fail(&subjects.Error{Code: want.err.Code, Text: "scripted"})
					return
				}
				r.ids(7)
			})
			got, err := newClient(t, connect(t, s), ownInbox...).Next(t.Context(), "orders", "invoice")
			switch {
			case want.again && (err != nil || got != 7 || count.Load() != 3):
				t.Errorf("got %d, %v after %d requests, want 7 after 3", got, err, count.Load())
			case !want.again && (!errors.Is(err, want.err) || count.Load() != 1):
				t.Errorf("got %v after %d requests, want %v after 1", err, count.Load(), want.err)
			}
		})
	}
}

// Strangers' answers are dropped, and the right one is still waited for.
func TestOwnInboxStrangers(t *testing.T) {
	s := startServer(t, nil)
	count := serve(t, s, func(r *request) {
		r.send(&subjects.Reply{ID: 1, N: 1, Nonce: subjects.IntNonce(1)})
		r.send(&subjects.Reply{ID: 2, N: 1})
		r.raw(nil, []byte(`{"stream":"SEQ", "seq":1}`))
		r.ids(7)
		r.ids(8) // twice: meets nobody, or the next request
	})
	c := newClient(t, connect(t, s), ownInbox...)
	for want := int64(1); want <= 20; want++ {
		if id, err := c.Next(t.Context(), "orders", "invoice"); err != nil || id != 7 || count.Load() != want {
			t.Fatalf("got %d, %v after %d requests, want 7 after %d", id, err, count.Load(), want)
		}
	}
}

func TestOwnInboxOnlyStrangers(t *testing.T) {
	s := startServer(t, nil)
	serve(t, s, func(r *request) {
		for range 100 {
			r.raw(nil, []byte(`{"stream":"SEQ", "seq":1}`))
		}
	})
	c := newClient(t, connect(t, s), seqd.WithOwnInbox())
	pace.Enough(t, 100*time.Millisecond, func(d time.Duration) error {
		_, err := c.Next(t.Context(), "orders", "invoice", seqd.WithTimeout(d), seqd.WithAttemptTimeout(d))
		return namesSubject(err)
	})
}

// A request that got no answer in time takes its reply subject with it.
func TestOwnInboxLateAnswer(t *testing.T) {
	s := startServer(t, nil)
	var first *request
	serve(t, s, func(r *request) {
		if r.num == 1 {
			first = r
			return
		}
		if r.msg.Reply == first.msg.Reply || r.Nonce == first.Nonce {
			t.Errorf("the second attempt's reply %q and nonce are the first one's", r.msg.Reply)
		}
		first.ids(1)
		r.ids(2)
	})
	c := newClient(t, connect(t, s), seqd.WithOwnInbox(), seqd.WithTimeout(pace.Patience), seqd.WithAttemptTimeout(50*time.Millisecond))
	if got, err := c.Next(t.Context(), "orders", "invoice"); err != nil || got != 2 {
		t.Errorf("got %d, %v, want 2", got, err)
	}
}

func TestOwnInboxNoWorkers(t *testing.T) {
	s := startServer(t, nil)
	c := newClient(t, connect(t, s), append(ownInbox, seqd.WithNoRespondersPatience(50*time.Millisecond))...)
	start := time.Now()
	_, err := c.Next(t.Context(), "orders", "invoice")
	if took := time.Since(start); !errors.Is(err, seqd.ErrNoWorkers) || took > pace.Patience/2 || strings.Contains(err.Error(), "gap") {
		t.Errorf("got %v after %v, want %v", err, took, seqd.ErrNoWorkers)
	}
}

// The server restarts while requests wait: they do not sit out their time.
func TestOwnInboxServerRestart(t *testing.T) {
	s := startServer(t, nil)
	port := s.Addr().(*net.TCPAddr).Port
	waiting := make(chan struct{})
	serve(t, s, func(r *request) {
		if r.num == 1 {
			close(waiting) // and no answer
			return
		}
		r.ids(7)
	})
	nc := connect(t, s, nats.ReconnectWait(5*time.Millisecond), nats.ReconnectJitter(0, 0))
	c := newClient(t, nc, seqd.WithOwnInbox(), seqd.WithTimeout(time.Hour), seqd.WithAttemptTimeout(time.Hour))
	called := make(chan error, 1)
	go func() {
		_, err := c.Next(t.Context(), "orders", "invoice")
		called <- err
	}()
	<-waiting
	s.Shutdown()
	s.WaitForShutdown()
	startServer(t, &server.Options{Port: port})
	if err := <-called; err != nil {
		t.Error(err)
	}
	for range 10 {
		if _, err := c.Next(t.Context(), "orders", "invoice"); err != nil {
			t.Error(err)
		}
	}
}

func TestOwnInboxConnectionEnds(t *testing.T) {
	for name, end := range map[string]func(*nats.Conn) error{
		"close": func(nc *nats.Conn) error { nc.Close(); return nil },
		"drain": (*nats.Conn).Drain,
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, nil)
			nc := connect(t, s)
			serve(t, s, func(r *request) {
				if err := end(nc); err != nil {
					t.Error(err)
				}
			})
			c := newClient(t, nc, seqd.WithOwnInbox(), seqd.WithTimeout(time.Hour), seqd.WithAttemptTimeout(time.Hour))
			for range 2 {
				_, err := c.Next(t.Context(), "orders", "invoice")
				if !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrConnectionDraining) {
					t.Errorf("got %v, want the connection's end", err)
				}
			}
		})
	}
}

// Nothing of an inbox is left when its connection has ended.
func TestOwnInboxLeavesNothing(t *testing.T) {
	s := startServer(t, nil)
	serve(t, s, new(counters).answer)
	before := runtime.NumGoroutine()
	const clients = 50
	for i := range clients {
		nc := connect(t, s)
		if _, err := newClient(t, nc, ownInbox...).Next(t.Context(), "orders", "invoice"); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			nc.Close()
		} else if err := nc.Drain(); err != nil {
			t.Fatal(err)
		}
	}
	wantGoroutines(t, before+clients/5)
}

// wantGoroutines waits until there are at most n.
func wantGoroutines(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(pace.Patience); runtime.NumGoroutine() > n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines are left, want %d:\n%s", runtime.NumGoroutine(), n, buf[:runtime.Stack(buf, true)])
		}
	}
}
