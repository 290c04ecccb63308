package goclient_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/integration/pace"
)

// noWorkersText is what every client says.
func noWorkersText(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../subjects/testdata/errors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Client []struct{ Code, Text string } }
	if err := json.Unmarshal(b, &file); err != nil || len(file.Client) == 0 || file.Client[0].Code != "NO_WORKERS" {
		t.Fatalf("got %+v %v", file, err)
	}
	return file.Client[0].Text
}

func TestNoWorkers(t *testing.T) {
	s := startServer(t, nil)
	c := newClient(t, connect(t, s), seqd.WithTimeout(pace.Patience))
	start := time.Now()
	_, err := c.Next(t.Context(), "orders", "invoice", seqd.WithNoRespondersPatience(50*time.Millisecond))
	if took := time.Since(start); took > pace.Patience/2 {
		t.Errorf("took %v", took)
	}
	if !errors.Is(err, seqd.ErrNoWorkers) || !errors.Is(err, nats.ErrNoResponders) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, seqd.ErrNoWorkers)
	}
	for _, part := range []string{`store "orders"`, ": " + noWorkersText(t) + ": ", "seqd doctor", "start a worker"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %s", err, part)
		}
	}
	said(t, err, "NO_WORKERS", false)
}

func TestNoWorkersUntilTimeout(t *testing.T) {
	s := startServer(t, nil)
	c := newClient(t, connect(t, s), seqd.WithNoRespondersPatience(time.Hour))
	pace.Enough(t, 100*time.Millisecond, func(d time.Duration) error {
		_, err := c.Next(t.Context(), "orders", "invoice", seqd.WithTimeout(d))
		if !errors.Is(err, seqd.ErrNoWorkers) || !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("got %v, want %v and a timeout", err, seqd.ErrNoWorkers)
		}
		return nil
	})
}

// A call sits out the time in which no worker listens.
func TestWorkerComesLater(t *testing.T) {
	s := startServer(t, nil)
	nc := connect(t, s)
	c := newClient(t, nc, patient...)
	called := make(chan error, 1)
	go func() {
		_, err := c.Next(t.Context(), "orders", "invoice")
		called <- err
	}()
	for nc.Stats().InMsgs == 0 { // until NATS has told it that nobody listens
		runtime.Gosched()
	}
	serve(t, s, new(counters).answer)
	if err := <-called; err != nil {
		t.Error(err)
	}
}

func TestTimeout(t *testing.T) {
	s := startServer(t, nil)
	serve(t, s, func(*request) {})
	c := newClient(t, connect(t, s), seqd.WithTimeout(100*time.Millisecond), seqd.WithAttemptTimeout(10*time.Millisecond))
	start := time.Now()
	_, err := c.Next(t.Context(), "orders", "invoice")
	if took := time.Since(start); took > pace.Patience {
		t.Errorf("took %v", took)
	}
	said(t, err, "TIMEOUT", true)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "ids may have been spent") {
		t.Errorf("got %v, want a timeout that speaks of the gap", err)
	}
}

func TestContextDeadline(t *testing.T) {
	s := startServer(t, nil)
	serve(t, s, func(*request) {})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := newClient(t, connect(t, s), patient...).Next(ctx, "orders", "invoice"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
}

func TestCancel(t *testing.T) {
	s := startServer(t, nil)
	why := errors.New("the user left")
	ctx, cancel := context.WithCancelCause(t.Context())
	count := serve(t, s, func(r *request) { cancel(why) })
	c := newClient(t, connect(t, s), patient...)
	_, err := c.Next(ctx, "orders", "invoice")
	if !errors.Is(err, context.Canceled) || !errors.Is(err, why) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v and %v", err, context.Canceled, why)
	}
	if !strings.Contains(err.Error(), "ids may have been spent") {
		t.Errorf("%q does not speak of the gap", err)
	}

	_, err = c.Next(ctx, "orders", "invoice") // the context has ended before the call
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "nothing was sent") || count.Load() != 1 {
		t.Errorf("got %v after %d requests, want nothing sent", err, count.Load())
	}
}

// said checks the code of a call's error, and what it says of ids.
func said(t *testing.T, err error, code string, spent bool) {
	t.Helper()
	e, ok := errors.AsType[*seqd.Error](err)
	if !ok || e.Code() != code || e.IDsMayBeSpent() != spent {
		t.Errorf("got %v, want code %s, ids may be spent %t", err, code, spent)
	}
}

func TestConnectionClosed(t *testing.T) {
	s := startServer(t, nil)
	nc := connect(t, s)
	c := newClient(t, nc, patient...)
	nc.Close()
	_, err := c.Next(t.Context(), "orders", "invoice")
	said(t, err, "CLOSED", false)
	if !errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, nats.ErrConnectionClosed)
	}
}

func TestConnectionClosedDuringCall(t *testing.T) {
	s := startServer(t, nil)
	nc := connect(t, s)
	serve(t, s, func(r *request) { nc.Close() })
	_, err := newClient(t, nc, patient...).Next(t.Context(), "orders", "invoice")
	said(t, err, "CLOSED", true)
	if !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("got %v, want %v", err, nats.ErrConnectionClosed)
	}
}

// What is sent while the connection is down must not be sent later, for callers
// that have given up, even where the connection would keep it.
func TestNothingIsSentWhileDisconnected(t *testing.T) {
	s := startServer(t, nil)
	down := make(chan struct{})
	nc := connect(t, s, nats.ReconnectBufSize(nats.DefaultReconnectBufSize), nats.ReconnectWait(time.Hour),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { close(down) }))
	c := newClient(t, nc, seqd.WithTimeout(100*time.Millisecond))
	s.Shutdown()
	<-down
	_, err := c.Next(t.Context(), "orders", "invoice")
	said(t, err, "NOT_CONNECTED", false)
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, seqd.ErrNotConnected) {
		t.Errorf("got %v, want a timeout for want of a connection", err)
	}
	if n, _ := nc.Buffered(); n > 0 {
		t.Errorf("%d bytes wait to be sent", n)
	}
}

// A request the server refuses gets no answer. The error says why all the same.
func TestPermissionViolation(t *testing.T) {
	s := startServer(t, &server.Options{Users: []*server.User{
		{Username: "tenant", Password: "x", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: []string{"seq.parcels.>"}},
		}},
	}})
	nc := connect(t, s, nats.UserInfo("tenant", "x"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	c := newClient(t, nc)
	pace.Enough(t, 100*time.Millisecond, func(d time.Duration) error {
		_, err := c.Next(t.Context(), "orders", "invoice", seqd.WithTimeout(d))
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(strings.ToLower(err.Error()), `permissions violation for publish to "seq.orders.invoice"`) {
			return fmt.Errorf("got %v, want a timeout that names the permission", err)
		}
		return nil
	})
}

// The NATS server restarts while callers ask: they notice nothing but a delay.
func TestServerRestart(t *testing.T) {
	s := startServer(t, nil)
	port := s.Addr().(*net.TCPAddr).Port
	serve(t, s, new(counters).answer)
	nc := connect(t, s, nats.ReconnectWait(5*time.Millisecond), nats.ReconnectJitter(0, 0))
	c := newClient(t, nc, seqd.WithTimeout(pace.Patience), seqd.WithAttemptTimeout(100*time.Millisecond))

	const callers = 4
	var restarted atomic.Bool
	var wg sync.WaitGroup
	got := make([][]int64, callers)
	underWay := make(chan struct{}, callers)
	for i := range callers {
		wg.Go(func() {
			for after := 0; after < 20; {
				if restarted.Load() {
					after++
				}
				id, err := c.Next(t.Context(), "orders", "invoice")
				if err != nil {
					t.Error(err)
					underWay <- struct{}{}
					return
				}
				if got[i] = append(got[i], id); len(got[i]) == 20 {
					underWay <- struct{}{}
				}
			}
		})
	}
	for range callers {
		<-underWay
	}
	s.Shutdown()
	s.WaitForShutdown()
	startServer(t, &server.Options{Port: port})
	restarted.Store(true)
	wg.Wait()

	var all []int64
	for i, ids := range got {
		if !slices.IsSorted(ids) {
			t.Errorf("the ids of caller %d do not increase: %v", i, ids)
		}
		all = append(all, ids...)
	}
	n := len(all)
	slices.Sort(all)
	if got := len(slices.Compact(all)); got != n {
		t.Errorf("%d ids, of them %d different", n, got)
	}
}
