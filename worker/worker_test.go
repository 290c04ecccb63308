package worker_test

import (
	"context"
	"encoding/hex"
	"log/slog"
	"strings"
	"sync"
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

// patience bounds what a test waits for that is sure to come.
const patience = pace.Patience

// fixture is a worker on a real nats-server, with counters in memory.
type fixture struct {
	server *servers.NATS
	memory *allocatortest.Memory
	nc     *nats.Conn // a caller's
	log    *logBuffer
	*running
}

// running is a worker that runs.
type running struct {
	*worker.Worker
	cancel context.CancelFunc
	ended  chan error // gets Run's result
}

// start starts a worker that serves every store. change, which may be nil, gets
// its configuration before.
func start(t *testing.T, change func(*worker.Config)) *fixture {
	t.Helper()
	f := &fixture{server: servers.StartNATS(t, nil), memory: &allocatortest.Memory{}, log: &logBuffer{}}
	f.nc = f.server.Connect(t)
	f.running = f.worker(t, change)
	f.waitReady(t)
	return f
}

// worker runs another worker over the same memory and server.
func (f *fixture) worker(t *testing.T, change func(*worker.Config)) *running {
	t.Helper()
	config := worker.Config{
		Version: "1.2.3",
		Connect: func(options ...nats.Option) (*nats.Conn, error) { return nats.Connect(f.server.URL, options...) },
		Backends: []worker.Backend{{
			Name:    "memory",
			Counter: f.memory,
			Stores:  []worker.Store{{Name: subjects.AnyStore}},
		}},
		Log: slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&config)
	}
	w, err := worker.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Worker: w, cancel: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- w.Run(ctx) }()
	t.Cleanup(func() { r.stop(t) })
	return r
}

func (r *running) waitReady(t *testing.T) {
	t.Helper()
	select {
	case <-r.Ready():
	case err := <-r.ended:
		t.Fatalf("the worker ended: %v", err)
	case <-time.After(patience):
		t.Fatalf("the worker did not get ready: it is %s", r.State())
	}
}

// stop has the worker drain, and returns what Run did. It may be called twice.
func (r *running) stop(t testing.TB) error {
	t.Helper()
	r.cancel()
	select {
	case err := <-r.ended:
		r.ended <- err
		return err
	case <-time.After(patience):
		t.Error("the worker did not end")
		return nil
	}
}

// waitState waits until the worker is in a state.
func (r *running) waitState(t *testing.T, want worker.State) {
	t.Helper()
	eventually(t, func() bool { return r.State() == want }, "the worker did not get %s", want)
}

// eventually waits until a condition holds that is sure to.
func eventually(t testing.TB, holds func() bool, format string, args ...any) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf(format, args...)
		}
	}
}

// ask sends a request and returns the answer.
func (f *fixture) ask(t testing.TB, subject string, header nats.Header, body string) *nats.Msg {
	t.Helper()
	m, err := f.nc.RequestMsg(&nats.Msg{Subject: subject, Header: header, Data: []byte(body)}, patience)
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	return m
}

// next asks for n ids and returns them.
func (f *fixture) next(t testing.TB, key allocator.Key, mode subjects.Mode, n int) (allocator.Range, error) {
	t.Helper()
	request := subjects.Request{N: n, Mode: mode}
	m := f.ask(t, subjects.Subject(subjects.Root, key.Store, key.Name), nil, string(request.Append(nil)))
	reply, err := subjects.DecodeReply(m.Header, m.Data)
	return allocator.Range{First: reply.ID, N: reply.N}, err
}

func header(pairs ...string) nats.Header {
	h := nats.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i]] = []string{pairs[i+1]}
	}
	return h
}

func unhex(t testing.TB, s string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// logBuffer keeps what was logged. It is safe for concurrent use.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) count(s string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.text.String(), s)
}

func (b *logBuffer) contains(s string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(b.text.String(), s)
}
