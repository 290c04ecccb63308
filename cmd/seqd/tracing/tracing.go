// Package tracing makes OpenTelemetry spans of the requests whose callers ask
// for a trace, and sends them to a collector over OTLP/HTTP.
//
// It never holds up an answer: a span is made after it, waits in a bounded queue,
// and is dropped where that is full. No collector, or one that does not answer,
// costs spans only.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Config says where spans go. OpenTelemetry's own variables are read too, and
// win: OTEL_EXPORTER_OTLP_… and OTEL_EXPORTER_OTLP_TRACES_… (address, headers,
// certificates, timeout), OTEL_TRACES_SAMPLER, OTEL_BSP_…, OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES, and OTEL_TRACES_EXPORTER=none or
// OTEL_SDK_DISABLED=true for no spans.
type Config struct {
	Endpoint string // the collector's URL, to which /v1/traces is added; "" means the environment's
	ID       string // the worker's
	Version  string // seqd's
	Log      *slog.Logger
}

// Tracer makes spans. Its methods are safe for concurrent use.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// Start returns a Tracer, nil if no collector is configured. It must be stopped.
// It does not connect: that the collector does not answer is logged, once.
func Start(c Config) (*Tracer, error) {
	options, to, err := c.target()
	if err != nil || to == "" {
		return nil, err
	}
	log := c.Log.With("component", "tracing")
	ctx := context.Background()
	client, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	res, err := c.resource(ctx)
	if err != nil {
		return nil, err
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&exporter{SpanExporter: client, log: log, endpoint: to}),
		sdktrace.WithResource(res),
	)
	log.Info("requests with a sampled traceparent are traced", "endpoint", to)
	return &Tracer{provider: provider, tracer: provider.Tracer("github.com/seqd-io/seqd")}, nil
}

// resource says who makes the spans.
func (c Config) resource(ctx context.Context) (*resource.Resource, error) {
	res, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(
			attribute.String("service.name", "seqd"),
			attribute.String("service.version", c.Version),
			attribute.String("service.instance.id", c.ID),
		),
		resource.WithFromEnv(), // last: it wins
	)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w; look at OTEL_RESOURCE_ATTRIBUTES", err)
	}
	return res, nil
}

// Stop sends the spans that wait, for timeout at most, and drops the others.
func (t *Tracer) Stop(timeout time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // the exporter has said what is wrong
}

// OpenTelemetry's variables for the collector's address: the first is for traces
// alone and is taken as it is, to the second /v1/traces is added.
const (
	tracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	anyEndpoint    = "OTEL_EXPORTER_OTLP_ENDPOINT"
)

// target returns the exporter's options and where spans go; "" means nowhere.
// What the variables say is left to the exporter.
func (c Config) target() (options []otlptracehttp.Option, to string, err error) {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil, "", nil
	}
	for _, name := range []string{tracesEndpoint, anyEndpoint} {
		to := os.Getenv(name)
		if to == "" {
			continue
		}
		if _, err := parse(to); err != nil {
			return nil, "", fmt.Errorf("environment variable %s: %w", name, err)
		}
		return nil, to, checkProtocol()
	}
	if c.Endpoint == "" {
		return nil, "", nil
	}
	u, err := parse(c.Endpoint)
	if err != nil {
		return nil, "", fmt.Errorf("tracing.otlp_endpoint: %w", err)
	}
	to = u.JoinPath("v1/traces").String()
	return []otlptracehttp.Option{otlptracehttp.WithEndpointURL(to)}, to, checkProtocol()
}

// Check reports what is wrong with a collector's URL; "" is none.
func Check(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	_, err := parse(endpoint)
	return err
}

// CheckEnvironment reports what is wrong with OpenTelemetry's own variables, where
// they count.
func CheckEnvironment(endpoint string) error {
	c := Config{Endpoint: endpoint}
	_, to, err := c.target()
	if err == nil && to != "" {
		_, err = c.resource(context.Background())
	}
	return err
}

func parse(endpoint string) (*url.URL, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		// The text itself may hold a secret.
		return nil, fmt.Errorf("must be a URL like http://127.0.0.1:4318, without a user or password: those go into OTEL_EXPORTER_OTLP_HEADERS")
	}
	return u, nil
}

// checkProtocol refuses to speak HTTP to who was promised gRPC.
func checkProtocol() error {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		switch protocol := os.Getenv(name); protocol {
		case "":
		case "http/protobuf":
			return nil
		default:
			return fmt.Errorf("environment variable %s: seqd speaks http/protobuf only, not %.20q; set OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf and the collector's port for HTTP, usually 4318", name, protocol)
		}
	}
	return nil
}
