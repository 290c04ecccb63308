//go:build !lean

package serve

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/cmd/seqd/actor"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/worker"
)

// supervisor is systemd's end of NOTIFY_SOCKET.
type supervisor struct {
	path string

	mu   sync.Mutex
	told []string // lines, in order
}

func newSupervisor(t *testing.T) *supervisor {
	t.Helper()
	s := &supervisor{path: filepath.Join(t.TempDir(), "notify")}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-ended })
	go func() {
		defer close(ended)
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.told = append(s.told, strings.Split(string(buf[:n]), "\n")...)
			s.mu.Unlock()
		}
	}()
	return s
}

func (s *supervisor) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.told)
}

func (s *supervisor) count(line string) (n int) {
	for _, l := range s.lines() {
		if l == line {
			n++
		}
	}
	return n
}

// wait waits until a line was told n times.
func (s *supervisor) wait(t *testing.T, line string, n int) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(pace.Patience); s.count(line) < n; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not told %q %d times, but %q", line, n, s.lines())
		}
	}
}

// written keeps what is written, by whomever.
type written struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *written) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *written) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A worker whose servers are not there has started all the same, lives, and
// says what it waits for; and then that it serves, and that it stops.
func TestNotifySystemd(t *testing.T) {
	nats, db := servers.StartNATS(t, nil), servers.StartEtcd(t)
	nats.Stop()
	db.Stop()
	s := newSupervisor(t)
	for name, value := range map[string]string{
		"NATS_URL": nats.URL, "SEQD_ETCD_ENDPOINTS": db.Endpoint, "SEQD_STATE_DIR": t.TempDir(), "XDG_STATE_HOME": t.TempDir(),
		"NOTIFY_SOCKET": s.path, "WATCHDOG_USEC": "200000",
	} {
		t.Setenv(name, value)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- Command(&written{}).ParseAndRun(ctx, []string{"--http-addr", "none"}) }()
	s.wait(t, "READY=1", 1)
	if first := s.lines()[0]; first != "READY=1" {
		t.Errorf("it told %q first", first)
	}
	s.wait(t, "STATUS=unavailable", 1)
	s.wait(t, "WATCHDOG=1", 3)
	nats.Start(t)
	db.Start(t)
	s.wait(t, "STATUS=serving", 1)
	if s.count("STOPPING=1") > 0 {
		t.Error("it stops")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	s.wait(t, "STOPPING=1", 1)
	if n := s.count("READY=1"); n != 1 {
		t.Errorf("it told READY=1 %d times", n)
	}
}

// The watchdog is fed by a worker whose loops go round, not by a clock. The
// worker stops being alive, and is again.
func TestWatchdogStarvesWithTheWorker(t *testing.T) {
	server := servers.StartNATS(t, nil)
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	stuck := make(chan struct{})
	w, err := worker.New(worker.Config{
		Connect: func(o ...nats.Option) (*nats.Conn, error) { return nats.Connect(server.URL, o...) },
		Backends: []worker.Backend{{
			Name: "memory", Counter: &allocatortest.Memory{}, Stores: []worker.Store{{Name: "a"}},
			Ready: func(context.Context) error {
				select {
				case <-stuck:
					<-release
				default:
				}
				return nil
			},
		}},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := newSupervisor(t)
	t.Setenv("NOTIFY_SOCKET", s.path)
	log := &written{}
	n := &notifier{worker: w, watchdog: 20 * time.Millisecond, patience: 3 * time.Second, log: slog.New(slog.NewTextHandler(log, nil))}
	ctx, cancel := context.WithCancel(t.Context())
	var g actor.Group
	g.Add(func(interrupted context.Context) error { return n.run(interrupted, ctx) })
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx, w.Run) }()
	defer func() {
		free()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()

	alive := func() (int, string) {
		rw := httptest.NewRecorder()
		livez(rw, w, n.patience)
		return rw.Code, rw.Body.String()
	}
	s.wait(t, "WATCHDOG=1", 10)
	if code, body := alive(); code != http.StatusOK || body != "ok\n" {
		t.Errorf("/livez: %d %s", code, body)
	}
	close(stuck)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(pace.Patience); !strings.Contains(log.String(), "a loop stands still"); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("that a loop stands still was not noticed")
		}
	}
	if code, body := alive(); code != http.StatusServiceUnavailable || !strings.Contains(body, "the watch over the counters at memory has stood still") {
		t.Errorf("/livez: %d %s", code, body)
	}
	// What was told before is read first.
	n.tell("STATUS=mark")
	s.wait(t, "STATUS=mark", 1)
	fed := s.count("WATCHDOG=1")
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); <-tick.C {
	}
	if more := s.count("WATCHDOG=1") - fed; more > 0 {
		t.Errorf("the watchdog was fed %d times while a loop stood still", more)
	}
	free()
	s.wait(t, "WATCHDOG=1", fed+10)
}

// What can't work is an error at the start, and what needs no systemd runs
// without it.
func TestNotifyEnvironment(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "soon")
	t.Setenv("NOTIFY_SOCKET", "")
	if n, err := newNotifier(nil, slog.New(slog.DiscardHandler)); n != nil || err != nil {
		t.Error("without a socket:", n, err)
	}
	t.Setenv("NOTIFY_SOCKET", "/does/not/exist")
	_, err := newNotifier(nil, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "WATCHDOG_USEC") || !strings.Contains(err.Error(), "unset") {
		t.Errorf("got %v", err)
	}

	// A socket that is not there is told of once.
	var log bytes.Buffer
	n := &notifier{log: slog.New(slog.NewTextHandler(io.Writer(&log), nil))}
	n.tell("READY=1")
	n.tell("STOPPING=1")
	if got := strings.Count(log.String(), "systemd does not hear this worker"); got != 1 {
		t.Errorf("it said so %d times: %s", got, &log)
	}
}
