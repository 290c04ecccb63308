// Package metrics shows Prometheus what a worker and its Counters have counted.
//
// Every name, type and label stands in deploy/METRICS.md, and a test holds the
// two together. No metric has a label for keys, of which there may be millions;
// stores are named as they are configured, so that a worker that serves every
// store under the name "*" has one series for all of them.
package metrics

import (
	"net/http"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/worker"
)

// Sources are what the metrics are read from, at each scrape. They must be safe
// for concurrent use and must not wait for NATS or etcd.
type Sources struct {
	Worker   func() worker.Snapshot
	Backends []Backend
	Version  string // of this build
}

// Backend is a Counter on etcd.
type Backend struct {
	Name  string // as the worker has it
	Stats func() etcd.Stats
}

// NewRegistry returns a registry of its own, with what s has, and the Go
// runtime's and the process's metrics.
func NewRegistry(s Sources) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newCollector(s),
	)
	return r
}

// Handler serves a scrape.
func Handler(s Sources) http.Handler {
	return promhttp.HandlerFor(NewRegistry(s), promhttp.HandlerOpts{
		ErrorHandling:     promhttp.ContinueOnError, // better some metrics than none
		EnableOpenMetrics: true,
	})
}

// revision returns the commit of this build, "" if it is not known.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
