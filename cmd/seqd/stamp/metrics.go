package stamp

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/seqd-io/seqd/cmd/seqd/stamper"
)

// Line is what a stamper serves; it labels its metrics.
type Line struct{ Stream, Consumer, Store, Output string }

// NewRegistry returns a registry of a stamper's metrics. stats and lag are
// asked at every scrape, and must not block.
func NewRegistry(line Line, stats func() stamper.Stats, lag func() float64) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	labels := prometheus.Labels{"stream": line.Stream, "consumer": line.Consumer, "store": line.Store, "output": line.Output}
	counter := func(name, help string, of func(stamper.Stats) int64) {
		registry.MustRegister(prometheus.NewCounterFunc(
			prometheus.CounterOpts{Namespace: "seqd", Subsystem: "stamp", Name: name, Help: help, ConstLabels: labels},
			func() float64 { return float64(of(stats())) }))
	}
	gauge := func(name, help string, of func() float64) {
		registry.MustRegister(prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Namespace: "seqd", Subsystem: "stamp", Name: name, Help: help, ConstLabels: labels}, of))
	}
	counter("messages_total", "Messages published with an id.", func(s stamper.Stats) int64 { return s.Stamped })
	counter("duplicates_total", "Redelivered messages that were already published, and were only acknowledged.", func(s stamper.Stats) int64 { return s.Duplicates })
	counter("skipped_total", "Messages that could not be stamped and were passed over (--on-bad skip).", func(s stamper.Stats) int64 { return s.Skipped })
	counter("lost_total", "Messages that the source no longer had when it was their turn, as after a purge; of a consumer without filters.", func(s stamper.Stats) int64 { return s.Lost })
	counter("failures_total", "Batches that failed and were started over.", func(s stamper.Stats) int64 { return s.Failures })
	counter("conflicts_total", "Of the failures, those because somebody else had written to the output stream.", func(s stamper.Stats) int64 { return s.Conflicts })
	counter("rewinds_total", "Times the consumer was asked to give out unacknowledged messages again.", func(s stamper.Stats) int64 { return s.Rewinds })
	gauge("source_sequence", "Sequence of the last source message that is dealt with.", func() float64 { return float64(stats().Source) })
	gauge("lag_messages", "Messages of the source that are not stamped, as of a second ago; NaN while JetStream does not say.", lag)
	return registry
}
