package bench

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Figures are what a stretch of load measured.
type Figures struct {
	Requests int64            `json:"requests"` // answered with ids, within the measured time
	Rate     float64          `json:"requests_per_s"`
	IDs      float64          `json:"ids_per_s"`
	P50      float64          `json:"p50_us"`
	P90      float64          `json:"p90_us"`
	P99      float64          `json:"p99_us"`
	Max      float64          `json:"max_us"`
	Errors   map[string]int64 `json:"errors"` // by code; warming up counts too
}

// meter sums up slices.
type meter struct {
	requests, ids int64
	measured      time.Duration
	latency       *hdrhistogram.Histogram // ns
	failures      failures
}

// Latencies are kept to 0.1 %, up to longestLatency.
const longestLatency = 5 * time.Minute

func newMeter() *meter {
	return &meter{latency: hdrhistogram.New(1, int64(longestLatency), 3)}
}

func (m *meter) reset() {
	m.requests, m.ids, m.measured, m.failures = 0, 0, 0, nil
	m.latency.Reset()
}

// add adds a slice.
func (m *meter) add(s slice) {
	for _, log := range s.logs {
		m.failures = m.failures.plus(log.failures)
	}
	if s.to <= s.from {
		return // ended before it was warm
	}
	m.measured += time.Duration(s.to - s.from)
	s.ops(func(_ int, o op) {
		if o.end < s.from {
			return
		}
		// An error says that it is out of range; it is then as long as can be told.
		_ = m.latency.RecordValue(min(o.end-o.start, int64(longestLatency)))
		if o.end < s.to {
			m.requests++
			m.ids += int64(o.n)
		}
	})
}

func (m *meter) figures() Figures {
	f := Figures{Requests: m.requests, Errors: m.failures.counts()}
	if m.measured > 0 {
		f.Rate = float64(m.requests) / m.measured.Seconds()
		f.IDs = float64(m.ids) / m.measured.Seconds()
	}
	us := func(ns int64) float64 { return float64(ns) / 1e3 }
	f.P50 = us(m.latency.ValueAtQuantile(50))
	f.P90 = us(m.latency.ValueAtQuantile(90))
	f.P99 = us(m.latency.ValueAtQuantile(99))
	f.Max = us(m.latency.Max())
	return f
}

// middle returns the figures of several rounds: the medians, the greatest Max,
// and the sum of what is counted.
func middle(rounds []Figures) Figures {
	f := Figures{Errors: map[string]int64{}}
	of := func(field func(Figures) float64) float64 {
		values := make([]float64, len(rounds))
		for i, r := range rounds {
			values[i] = field(r)
		}
		return median(values)
	}
	f.Rate = of(func(f Figures) float64 { return f.Rate })
	f.IDs = of(func(f Figures) float64 { return f.IDs })
	f.P50 = of(func(f Figures) float64 { return f.P50 })
	f.P90 = of(func(f Figures) float64 { return f.P90 })
	f.P99 = of(func(f Figures) float64 { return f.P99 })
	for _, r := range rounds {
		f.Requests += r.Requests
		f.Max = max(f.Max, r.Max)
		for code, n := range r.Errors {
			f.Errors[code] += n
		}
	}
	return f
}

// median returns the middle value, the mean of the two middle ones if there are
// two, and 0 for none. It sorts values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	half := len(values) / 2
	if len(values)%2 == 1 {
		return values[half]
	}
	return (values[half-1] + values[half]) / 2
}
