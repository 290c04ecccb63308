package goclient_test

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/subjects"
)

// carrier is the README's.
type carrier nats.Header

func (c carrier) Get(name string) string { return nats.Header(c).Get(name) }
func (c carrier) Set(name, value string) { nats.Header(c).Set(name, value) }
func (c carrier) Keys() []string         { return nil }

// A caller's trace goes with each of its requests, and with nobody else's; the
// headers of ours stay ours, in whatever case they are written: a worker would read
// them, and answer in JSON or with another number of ids.
func TestWithHeaders(t *testing.T) {
	s := startServer(t, nil)
	got := make(chan nats.Header, 10)
	serve(t, s, func(r *request) {
		got <- r.header
		if r.num == 1 {
			r.fail(subjects.ErrUnavailable) // asked again
			return
		}
		r.ids(1)
	})
	c := newClient(t, connect(t, s), seqd.WithHeaders(func(ctx context.Context, header nats.Header) {
		propagation.TraceContext{}.Inject(ctx, carrier(header))
		header[subjects.TimeoutHeader] = []string{"0"}
		// As a program has them that forwards the headers of an HTTP request.
		header["seq-timeout-ms"], header["seq-count"], header["accept"] = []string{"0"}, []string{"5"}, []string{"application/json"}
	}))
	traceID, _ := trace.TraceIDFromHex("4bf92f3577b34da6a3ce929d0e0e4736")
	spanID, _ := trace.SpanIDFromHex("00f067aa0ba902b7")
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID, TraceFlags: trace.FlagsSampled}))
	if _, err := c.Next(ctx, "orders", "invoice"); err != nil {
		t.Fatal(err)
	}
	const want = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for range 2 {
		h := <-got
		if v := h["traceparent"]; len(v) != 1 || v[0] != want {
			t.Errorf("got %v, want traceparent %s", h, want)
		}
		if h.Get(subjects.TimeoutHeader) == "0" || len(h) != 2 {
			t.Errorf("got %v: not ours alone", h)
		}
	}
	if _, err := c.Next(t.Context(), "orders", "invoice"); err != nil {
		t.Fatal(err)
	}
	if h := <-got; h["traceparent"] != nil {
		t.Errorf("a call without a trace: got %v", h)
	}
}
