package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// Names of the spans.
const (
	requestSpan = "seqd.allocate" // from a request's arrival to its answer
	waitSpan    = "seqd.wait"     // for the advance before it to end, and for a batch to close
	advanceSpan = "seqd.advance"  // until the mark was durable, in this worker or in a rival
)

// Trace makes the spans of an answered request, as children of its caller's. It
// does not block.
//
// The key is an attribute. It has no place among a metric's labels, each of which
// would live for ever, but a trace is one request's, and without the key it does
// not say which of them was slow. Who may read traces can read logs, where keys
// stand too.
func (t *Tracer) Trace(r *worker.Traced) {
	ctx := propagation.TraceContext{}.Extract(context.Background(), carrier{r})
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return // not a traceparent after all
	}
	ctx, span := t.tracer.Start(ctx, requestSpan, at(r.Arrived), trace.WithSpanKind(trace.SpanKindServer))
	if span.IsRecording() { // else OTEL_TRACES_SAMPLER is against it
		span.SetAttributes(attributes(r)...)
		if e := r.Error; e != nil && e.Code != subjects.BadRequest { // that is the caller's error, not ours
			span.SetStatus(codes.Error, e.Error())
		}
		t.part(ctx, waitSpan, r.Waited, r.Advanced, r.Answered)
		t.part(ctx, advanceSpan, r.Advanced, r.Answered, r.Answered)
	}
	span.End(trace.WithTimestamp(r.Answered))
}

// part makes a child span from begin to end, or to otherwise if there was no end;
// none if there was no begin.
func (t *Tracer) part(ctx context.Context, name string, begin, end, otherwise time.Time) {
	if begin.IsZero() {
		return
	}
	if end.IsZero() {
		end = otherwise
	}
	_, span := t.tracer.Start(ctx, name, at(begin))
	span.End(trace.WithTimestamp(end))
}

func at(when time.Time) trace.SpanStartOption { return trace.WithTimestamp(when) }

func attributes(r *worker.Traced) []attribute.KeyValue {
	all := append(make([]attribute.KeyValue, 0, 9),
		attribute.String("messaging.system", "nats"),
		attribute.String("messaging.operation.type", "process"),
		attribute.String("messaging.consumer.group.name", subjects.Queue),
		attribute.String("seqd.store", r.Key.Store),
		attribute.String("seqd.key", r.Key.Name),
		attribute.String("seqd.mode", r.Mode.String()),
		attribute.Int("seqd.n", r.N),
	)
	if r.HandedOver {
		all = append(all, attribute.Bool("seqd.handed_over", true))
	}
	if r.Error != nil {
		return append(all, attribute.String("seqd.code", string(r.Error.Code)))
	}
	return append(all, attribute.Int64("seqd.id", r.IDs.First))
}

// carrier shows a request's headers to the propagator.
type carrier struct{ *worker.Traced }

func (c carrier) Get(name string) string {
	switch name {
	case "traceparent":
		return c.Parent
	case "tracestate":
		return c.State
	}
	return ""
}

func (c carrier) Set(string, string) {}
func (c carrier) Keys() []string     { return nil }
