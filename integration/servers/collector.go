package servers

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Collector is a receiver of OpenTelemetry spans over HTTP.
type Collector struct {
	URL string // without /v1/traces

	mu        sync.Mutex
	refuse    int // a status, in place of taking the spans
	refused   int // requests
	resources []*otlp.ResourceSpans
}

// StartCollector starts a Collector that ends with the test.
func StartCollector(t testing.TB) *Collector {
	c := &Collector{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", func(rw http.ResponseWriter, r *http.Request) {
		if status := c.receive(t, r); status != http.StatusOK {
			rw.WriteHeader(status)
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	c.URL = s.URL
	return c
}

func (c *Collector) receive(t testing.TB, r *http.Request) (status int) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			t.Error(err)
			return http.StatusBadRequest
		}
		body = unzipped
	}
	data, err := io.ReadAll(body)
	var request collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(data, &request)
	}
	if err != nil {
		t.Errorf("not OTLP: %v", err)
		return http.StatusBadRequest
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse != 0 {
		c.refused++
		return c.refuse
	}
	c.resources = append(c.resources, request.ResourceSpans...)
	return http.StatusOK
}

// Refuse has it answer with a status and take nothing, until it is called with 0.
func (c *Collector) Refuse(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = status
}

// Refused returns how many requests it has refused.
func (c *Collector) Refused() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}

// Resources returns what has come, with the processes that sent it.
func (c *Collector) Resources() []*otlp.ResourceSpans {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*otlp.ResourceSpans(nil), c.resources...)
}

// Spans returns the spans that have come.
func (c *Collector) Spans() (all []*otlp.Span) {
	for _, r := range c.Resources() {
		for _, s := range r.ScopeSpans {
			all = append(all, s.Spans...)
		}
	}
	return all
}

// Wait waits until n spans have come.
func (c *Collector) Wait(t testing.TB, n int) []*otlp.Span {
	t.Helper()
	for end := time.Now().Add(startTimeout); ; time.Sleep(10 * time.Millisecond) {
		if all := c.Spans(); len(all) >= n || time.Now().After(end) {
			if len(all) < n {
				t.Fatalf("%d spans have come, want %d", len(all), n)
			}
			return all
		}
	}
}
