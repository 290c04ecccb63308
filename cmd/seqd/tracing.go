package main

import (
	"context"
	"time"

	"github.com/oklog/run"

	"github.com/seqd-io/seqd/cmd/seqd/tracing"
	"github.com/seqd-io/seqd/worker"
)

// tracingConfig has no flags: OpenTelemetry's own variables set the same, and win
// over the file.
type tracingConfig struct {
	OTLPEndpoint string `yaml:"otlp_endpoint"`
}

// addTracing has a worker of that configuration make spans, where a collector is
// configured. Its actor sends the last ones when the worker has drained.
func (c *config) addTracing(g *run.Group, ctx context.Context, config *worker.Config, drained <-chan struct{}) error {
	tracer, err := tracing.Start(tracing.Config{
		Endpoint: c.Tracing.OTLPEndpoint,
		ID:       config.ID, Version: config.Version, Log: config.Log,
	})
	if tracer == nil || err != nil {
		return err
	}
	config.Trace = tracer.Trace
	interrupted := make(chan struct{}) // by the end of another, whose error counts
	g.Add(func() error {
		select {
		case <-ctx.Done():
		case <-drained:
		}
		end := time.Now().Add(config.DrainTimeout)
		<-drained
		tracer.Stop(min(maxFlush, time.Until(end)))
		<-interrupted
		return nil
	}, func(error) { close(interrupted) })
	return nil
}

// maxFlush bounds how long the end of a worker waits for a collector. What is
// left of the drain's time bounds it too.
const maxFlush = 2 * time.Second
