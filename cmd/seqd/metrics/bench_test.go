package metrics_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seqd-io/seqd/internal/histogram"
)

// What an observation costs on the path of every request: by our own counters,
// and by client_golang's histogram, resolved beforehand and found by its labels.
func BenchmarkObserve(b *testing.B) {
	const took = 37 * time.Microsecond
	var own histogram.Durations
	vec := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "x", Buckets: prometheus.ExponentialBuckets(10e-6, 2, 21)}, []string{"store", "mode", "path"})
	child := vec.WithLabelValues("orders", "weak", "fast")
	for name, observe := range map[string]func(){
		"own":            func() { own.Observe(took) },
		"client_golang":  func() { child.Observe(took.Seconds()) },
		"vector, labels": func() { vec.WithLabelValues("orders", "weak", "fast").Observe(took.Seconds()) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				observe()
			}
		})
	}
}
