package tracing

import (
	"context"
	"log/slog"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// exporter says once that spans can't be sent, and once that they can again. The
// SDK would say it of every batch, to a logger that is global.
//
// ExportSpans is called by the batch processor alone, one call at a time.
type exporter struct {
	sdktrace.SpanExporter
	log      *slog.Logger
	endpoint string
	lost     int // spans, since the latest that were sent
}

func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err == nil && e.lost > 0:
		e.log.Info("spans can be sent again", "endpoint", e.endpoint, "lost", e.lost)
		e.lost = 0
	case err != nil:
		if e.lost == 0 {
			e.log.Warn("spans can't be sent; going on without them", "endpoint", e.endpoint, "err", err,
				"hint", "is it a collector's address for OTLP over HTTP, usually port 4318?")
		}
		e.lost += len(spans)
	}
	return nil
}
