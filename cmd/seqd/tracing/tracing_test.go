package tracing_test

import (
	"bytes"
	"encoding/hex"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/cmd/seqd/tracing"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
	"github.com/seqd-io/seqd/worker/workertest"
)

const (
	traceID  = "4bf92f3577b34da6a3ce929d0e0e4736"
	parentID = "00f067aa0ba902b7"
	parent   = "00-" + traceID + "-" + parentID + "-01"

	patience = pace.Patience
)

// logs is a log to look into.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logs) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// clearEnvironment forgets what OpenTelemetry's variables say where the test runs.
func clearEnvironment(t *testing.T) {
	for _, name := range []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
		"OTEL_TRACES_EXPORTER", "OTEL_TRACES_SAMPLER", "OTEL_SDK_DISABLED", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SERVICE_NAME", "OTEL_BSP_SCHEDULE_DELAY",
	} {
		t.Setenv(name, "")
	}
}

func startTracer(t *testing.T, endpoint string, l *logs) *tracing.Tracer {
	t.Helper()
	tracer, err := tracing.Start(tracing.Config{Endpoint: endpoint, ID: "w1", Version: "1.2.3", Log: l.logger()})
	if err != nil {
		t.Fatal(err)
	}
	if tracer != nil {
		t.Cleanup(func() { tracer.Stop(time.Millisecond) }) // twice is fine
	}
	return tracer
}

// startWorker runs a worker that traces, and returns a caller's connection.
func startWorker(t *testing.T, tracer *tracing.Tracer) *nats.Conn {
	t.Helper()
	server := servers.StartNATS(t, nil)
	w, err := worker.New(worker.Config{
		Connect:  func(o ...nats.Option) (*nats.Conn, error) { return nats.Connect(server.URL, o...) },
		Backends: []worker.Backend{{Counter: &allocatortest.Memory{}, Stores: []worker.Store{{Name: subjects.AnyStore}}}},
		Trace:    tracer.Trace,
		Log:      slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	workertest.Run(t, w)
	return server.Connect(t)
}

func ask(t *testing.T, nc *nats.Conn, subject, body, headerName, traceparent string) {
	t.Helper()
	m := &nats.Msg{Subject: subject, Data: []byte(body), Header: nats.Header{headerName: {traceparent}}}
	if _, err := nc.RequestMsg(m, patience); err != nil {
		t.Fatal(err)
	}
}

// attributes returns a span's as name=value words.
func attributes(s *otlp.Span) map[string]string {
	all := map[string]string{}
	for _, a := range s.Attributes {
		all[a.Key] = strings.Trim(strings.SplitN(a.Value.String(), ":", 2)[1], `"`)
	}
	return all
}

// A worker's spans reach a collector with the caller's trace and parent, and
// nothing does that was not sampled.
func TestSpans(t *testing.T) {
	clearEnvironment(t)
	collector, l := servers.StartCollector(t), &logs{}
	tracer := startTracer(t, collector.URL, l)
	nc := startWorker(t, tracer)
	ask(t, nc, "seq.demo.none", "", "traceparent", parent[:53]+"00")
	ask(t, nc, "seq.demo.none", "", "traceparent", strings.Repeat("z", 55))
	ask(t, nc, "seq.demo.none", "", "traceparent", "00-"+strings.Repeat("0", 32)+"-"+parentID+"-01")
	ask(t, nc, "seq.demo.none", "", "traceparent", "00-"+strings.ToUpper(traceID)+"-"+parentID+"-01")
	ask(t, nc, "seq.demo.none", "", "Traceparent", "")
	ask(t, nc, "seq.demo.strong", `{"n":10,"mode":"strong"}`, "Traceparent", parent)
	ask(t, nc, "seq.demo.weak", `{"n":3}`, "TRACEPARENT", parent)
	ask(t, nc, "seq.demo.weak", `{"n":3}`, "traceparent", parent)
	ask(t, nc, "seq.demo.bad", `{"n":0}`, "traceparent", parent)

	spans := collectAll(t, tracer, collector, 7)
	byID := map[string]*otlp.Span{}
	var got []string
	for _, s := range spans {
		byID[hex.EncodeToString(s.SpanId)] = s
	}
	for _, s := range spans {
		if hex.EncodeToString(s.TraceId) != traceID {
			t.Errorf("%s: got trace %x, want %s", s.Name, s.TraceId, traceID)
		}
		if s.StartTimeUnixNano == 0 || s.EndTimeUnixNano < s.StartTimeUnixNano {
			t.Errorf("%s: from %d to %d", s.Name, s.StartTimeUnixNano, s.EndTimeUnixNano)
		}
		above := hex.EncodeToString(s.ParentSpanId)
		a := attributes(s)
		if s.Name == "seqd.allocate" {
			if above != parentID || s.Kind != otlp.Span_SPAN_KIND_SERVER || a["messaging.system"] != "nats" {
				t.Errorf("got parent %s, kind %v, attributes %v", above, s.Kind, a)
			}
			got = append(got, strings.Join([]string{s.Name, a["seqd.store"], a["seqd.key"], a["seqd.mode"], a["seqd.n"], a["seqd.id"], a["seqd.code"], s.Status.GetCode().String()}, " "))
			continue
		}
		whole := byID[above]
		if whole == nil || whole.Name != "seqd.allocate" || s.StartTimeUnixNano < whole.StartTimeUnixNano || s.EndTimeUnixNano > whole.EndTimeUnixNano {
			t.Errorf("%s is not part of a request: parent %v", s.Name, whole)
			continue
		}
		got = append(got, s.Name+" "+attributes(whole)["seqd.key"])
	}
	for _, want := range []string{
		"seqd.allocate demo strong strong 10 1  STATUS_CODE_UNSET", "seqd.wait strong", "seqd.advance strong",
		"seqd.allocate demo weak weak 3 1  STATUS_CODE_UNSET", "seqd.wait weak",
		"seqd.allocate demo weak weak 3 4  STATUS_CODE_UNSET",
		"seqd.allocate demo bad default 1  BAD_REQUEST STATUS_CODE_UNSET",
	} {
		if !remove(&got, want) {
			t.Errorf("there is no %q among %q", want, got)
		}
	}
	if len(got) > 0 {
		t.Errorf("more than was expected: %q", got)
	}
	resource := collector.Resources()[0].Resource.String()
	for _, want := range []string{`"service.name"`, `"seqd"`, `"service.instance.id"`, `"w1"`, `"1.2.3"`} {
		if !strings.Contains(resource, want) {
			t.Errorf("resource lacks %s: %s", want, resource)
		}
	}
}

// collectAll returns the spans: n, and whatever comes beyond them until the
// tracer has been stopped.
func collectAll(t *testing.T, tracer *tracing.Tracer, collector *servers.Collector, n int) []*otlp.Span {
	t.Helper()
	collector.Wait(t, n) // an answer may come before its request has been traced
	tracer.Stop(patience)
	return collector.Spans()
}

func remove(all *[]string, one string) bool {
	for i, s := range *all {
		if s == one {
			*all = append((*all)[:i], (*all)[i+1:]...)
			return true
		}
	}
	return false
}

// An error that is not the caller's fault is one in the trace.
func TestErrorSpan(t *testing.T) {
	clearEnvironment(t)
	collector := servers.StartCollector(t)
	tracer := startTracer(t, collector.URL, &logs{})
	tracer.Trace(answered(subjects.ErrUnavailable))
	tracer.Stop(patience)
	s := collector.Wait(t, 1)[0]
	if s.Status.Code != otlp.Status_STATUS_CODE_ERROR || attributes(s)["seqd.code"] != "UNAVAILABLE" || !strings.HasPrefix(s.Status.Message, "UNAVAILABLE") {
		t.Errorf("got %v, %v", s.Status, attributes(s))
	}
}

// A request that came by way of another worker says so: it took a hop more than
// its neighbours.
func TestHandedOverSpan(t *testing.T) {
	clearEnvironment(t)
	collector := servers.StartCollector(t)
	tracer := startTracer(t, collector.URL, &logs{})
	handed := answered(nil)
	handed.HandedOver = true
	tracer.Trace(handed)
	tracer.Trace(answered(nil))
	tracer.Stop(patience)
	said := 0
	for _, s := range collector.Wait(t, 2) {
		if attributes(s)["seqd.handed_over"] == "true" {
			said++
		}
	}
	if said != 1 {
		t.Errorf("%d of 2 spans say that their request was handed over, want 1", said)
	}
}

// answered is a traced request, answered with ids where e is nil.
func answered(e *subjects.Error) *worker.Traced {
	now := time.Now()
	return &worker.Traced{
		Parent: parent, Key: allocator.Key{Store: "demo", Name: "key"}, N: 1,
		Arrived: now, Answered: now, IDs: allocator.Range{First: 1, N: 1}, Error: e,
	}
}

// Where spans go is taken from the environment, else from the file; and no
// address means no tracer.
func TestTarget(t *testing.T) {
	for _, test := range []struct {
		name       string
		env        map[string]string // COLLECTOR stands for its URL
		file       string
		want, fail string // want is "spans", or "" for no tracer
	}{
		{name: "nothing"},
		{name: "file", file: "COLLECTOR", want: "spans"},
		{name: "file with slash", file: "COLLECTOR/", want: "spans"},
		{name: "all signals", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "COLLECTOR"}, want: "spans"},
		{name: "traces", env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "COLLECTOR/v1/traces"}, want: "spans"},
		{name: "traces over all signals", env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "COLLECTOR/v1/traces", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, want: "spans"},
		{name: "environment over file", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "COLLECTOR"}, file: "http://127.0.0.1:1", want: "spans"},
		{name: "exporter none", env: map[string]string{"OTEL_TRACES_EXPORTER": "none"}, file: "COLLECTOR"},
		{name: "disabled", env: map[string]string{"OTEL_SDK_DISABLED": "true"}, file: "COLLECTOR"},
		{name: "protocol named", env: map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, file: "COLLECTOR", want: "spans"},
		{name: "grpc", env: map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, file: "COLLECTOR", fail: "usually 4318"},
		{name: "no URL", file: "127.0.0.1:4318", fail: "tracing.otlp_endpoint: must be a URL"},
		{name: "no URL in the environment", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, fail: "OTEL_EXPORTER_OTLP_ENDPOINT: must be a URL"},
		{name: "password", file: "http://user:hunter2@127.0.0.1:4318", fail: "OTEL_EXPORTER_OTLP_HEADERS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			clearEnvironment(t)
			collector, l := servers.StartCollector(t), &logs{}
			at := func(s string) string { return strings.ReplaceAll(s, "COLLECTOR", collector.URL) }
			for name, value := range test.env {
				t.Setenv(name, at(value))
			}
			tracer, err := tracing.Start(tracing.Config{Endpoint: at(test.file), Log: l.logger()})
			if test.fail != "" {
				if err == nil || !strings.Contains(err.Error(), test.fail) || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("got %v, want %q", err, test.fail)
				}
				return
			}
			if err != nil || (tracer == nil) != (test.want == "") {
				t.Fatalf("got %v, %v", tracer, err)
			}
			if tracer == nil {
				return
			}
			tracer.Trace(answered(nil))
			tracer.Stop(patience)
			if n := len(collector.Spans()); n != 1 {
				t.Errorf("%d spans have come; log:\n%s", n, l)
			}
		})
	}
}

// OpenTelemetry's own switch for how much is traced is obeyed.
func TestSampler(t *testing.T) {
	clearEnvironment(t)
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	collector := servers.StartCollector(t)
	tracer := startTracer(t, collector.URL, &logs{})
	tracer.Trace(answered(nil))
	tracer.Stop(patience)
	if n := len(collector.Spans()); n != 0 {
		t.Errorf("%d spans have come", n)
	}
}

// That the collector does not take spans is said once, and that it does again.
func TestCollectorAway(t *testing.T) {
	clearEnvironment(t)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "5") // ms
	collector, l := servers.StartCollector(t), &logs{}
	collector.Refuse(http.StatusNotFound)
	tracer := startTracer(t, collector.URL, l)
	trace := func(until func() bool) {
		t.Helper()
		for end := time.Now().Add(patience); !until(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("log:\n%s", l)
			}
			tracer.Trace(answered(nil))
		}
	}
	trace(func() bool { return collector.Refused() >= 3 })
	collector.Refuse(0)
	trace(func() bool { return strings.Contains(l.String(), "spans can be sent again") })
	if n := strings.Count(l.String(), "spans can't be sent"); n != 1 {
		t.Errorf("it was said %d times:\n%s", n, l)
	}
}

// A collector that never answers holds up neither requests nor the end, and the
// spans that it does not take are dropped.
func TestSilentCollector(t *testing.T) {
	clearEnvironment(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() // accepts, and says nothing
	tracer := startTracer(t, "http://"+listener.Addr().String(), &logs{})
	stopped := make(chan struct{})
	go func() {
		for range 10_000 { // more than the queue holds
			tracer.Trace(answered(nil))
		}
		tracer.Stop(100 * time.Millisecond)
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-time.After(patience):
		t.Error("the collector is waited for")
	}
}
