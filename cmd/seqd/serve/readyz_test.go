//go:build !lean

package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// probed is what etcd's probe comes to.
type probed struct{ atomic.Pointer[error] }

func (p *probed) set(err error) { p.Store(&err) }

func (p *probed) ready(context.Context) error { return *p.Load() }

func get(h http.Handler, path string) (status int, body string) {
	r := httptest.NewRecorder()
	h.ServeHTTP(r, httptest.NewRequest(http.MethodGet, path, nil))
	return r.Code, r.Body.String()
}

// /readyz says whether the worker serves, and what keeps it from it if asked;
// /livez is indifferent to all that.
func TestHealthEndpoints(t *testing.T) {
	t.Parallel()
	server := servers.StartNATS(t, nil)
	var etcd probed
	etcd.set(nil)
	w, err := worker.New(worker.Config{
		Connect: func(o ...nats.Option) (*nats.Conn, error) { return nats.Connect(server.URL, o...) },
		Backends: []worker.Backend{
			{Name: "10.0.0.1:2379", Counter: &allocatortest.Memory{}, Ready: etcd.ready, Stores: []worker.Store{{Name: "orders"}, {Name: "audit"}}},
			{Name: "10.0.0.2:2379", Counter: &allocatortest.Memory{}, Stores: []worker.Store{{Name: subjects.AnyStore}}},
		},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := newHTTP(w, http.NotFoundHandler(), nil, false)
	const all = "[%s]nats%s\n[%s]etcd 10.0.0.1:2379%s\n[%s]etcd 10.0.0.2:2379%s\n[%s]store *%s\n[%s]store audit%s\n[%s]store orders%s\nreadyz: %s\n"
	lines := func(state string, checks ...string) string {
		var words []any
		for _, c := range checks {
			if c == "" {
				words = append(words, "+", " ok")
			} else {
				words = append(words, "-", ": "+c)
			}
		}
		return fmt.Sprintf(all, append(words, state)...)
	}
	want := func(name, state, verbose string) {
		t.Helper()
		code := http.StatusServiceUnavailable
		if state == "serving" {
			code = http.StatusOK
		}
		var status, vstatus int
		var body, vbody string
		for end := time.Now().Add(pace.Patience); ; time.Sleep(10 * time.Millisecond) {
			status, body = get(s, "/readyz")
			vstatus, vbody = get(s, "/readyz?verbose")
			if status == code && vstatus == code && body == state+"\n" && vbody == verbose {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s: got %d %q, verbose %d\n%swant %d %q, verbose\n%s", name, status, body, vstatus, vbody, code, state, verbose)
			}
		}
		if live, body := get(s, "/livez"); live != http.StatusOK || body != "ok\n" {
			t.Errorf("%s: /livez: got %d %q", name, live, body)
		}
	}
	want("before it runs", "starting", lines("starting", "not connected", "starting", "starting", "starting", "starting", "starting"))

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	want("serving", "serving", lines("serving", "", "", "", "", "", ""))
	etcd.set(fmt.Errorf("%w: by the test", allocator.ErrFenced))
	want("fenced", "fenced", lines("fenced", "", "fenced: allocator: counter history went backwards: by the test", "", "", "fenced", "fenced"))
	etcd.set(errors.New("no leader"))
	want("unavailable", "unavailable", lines("unavailable", "", "unavailable: no leader", "", "", "unavailable", "unavailable"))
	etcd.set(nil)
	want("serving again", "serving", lines("serving", "", "", "", "", "", ""))
	server.Stop()
	want("without NATS", "disconnected", lines("disconnected", "not connected", "", "", "", "", ""))
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	want("ended", "draining", lines("draining", "not connected", "", "", "draining", "draining", "draining"))
}

func TestPprofIsOffUnlessAskedFor(t *testing.T) {
	w, err := worker.New(worker.Config{Backends: []worker.Backend{{Counter: &allocatortest.Memory{}, Stores: []worker.Store{{Name: "a"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/goroutine?debug=1", "/debug/pprof/cmdline"} {
		if status, _ := get(newHTTP(w, http.NotFoundHandler(), nil, false), path); status != http.StatusNotFound {
			t.Errorf("%s without --pprof: %d", path, status)
		}
		if status, body := get(newHTTP(w, http.NotFoundHandler(), nil, true), path); status != http.StatusOK || body == "" {
			t.Errorf("%s with --pprof: %d %q", path, status, body)
		}
	}
	if _, body := get(newHTTP(w, http.NotFoundHandler(), nil, true), "/debug/pprof/goroutine?debug=1"); !strings.Contains(body, "TestPprof") {
		t.Errorf("this goroutine is not in the profile: %q", body)
	}
}
