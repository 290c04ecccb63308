package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/seqd-io/seqd/cmd/seqd/metrics"
	"github.com/seqd-io/seqd/cmd/seqd/stamper"
)

// stampProgress tells how a stamper gets on: a line that changes on a terminal,
// else one in the log every ten seconds.
type stampProgress struct {
	stamper *stamper.Stamper
	out     io.Writer
	log     *slog.Logger
	lag     atomic.Int64 // as of the last time it was asked for; lagUnknown if there was no answer
}

// lagUnknown is told rather than the last lag that was known, which may be small.
const lagUnknown = -1

// run tells until ended is closed, and once more then.
func (p *stampProgress) run(screen bool, ended <-chan struct{}) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	p.ask()
	last, lastTime := int64(0), time.Now()
	for done := false; !done; {
		select {
		case <-tick.C:
		case <-ended:
			done = true
		}
		p.ask()
		now, s := time.Now(), p.stamper.Stats()
		if !screen && !done && now.Sub(lastTime) < logEvery-askEvery/2 {
			continue
		}
		rate := float64(s.Stamped-last) / now.Sub(lastTime).Seconds()
		last, lastTime = s.Stamped, now
		switch {
		case screen && !done:
			fmt.Fprintf(p.out, "\r\033[K%d stamped, %.0f/s, lag %s, %d duplicates, %d skipped, %d failures", s.Stamped, rate, p.lagText(), s.Duplicates, s.Skipped, s.Failures)
		case screen:
			fmt.Fprintf(p.out, "\r\033[K%d stamped, lag %s, %d duplicates, %d skipped, %d failures\n", s.Stamped, p.lagText(), s.Duplicates, s.Skipped, s.Failures)
		default:
			text := "progress"
			if done {
				text = "ended"
			}
			p.log.Info(text, "stamped", s.Stamped, "rate", fmt.Sprintf("%.0f/s", rate), "lag", p.lagText(), "duplicates", s.Duplicates,
				"skipped", s.Skipped, "failures", s.Failures, "conflicts", s.Conflicts, "rewinds", s.Rewinds, "source_seq", s.Source)
		}
	}
	return nil
}

func (p *stampProgress) ask() {
	lag, err := p.stamper.Lag(context.Background())
	if err != nil {
		lag = lagUnknown
	}
	p.lag.Store(lag)
}

func (p *stampProgress) lagText() string {
	if lag := p.lag.Load(); lag != lagUnknown {
		return strconv.FormatInt(lag, 10)
	}
	return "unknown"
}

// lagValue is for the metric: NaN while it is not known.
func (p *stampProgress) lagValue() float64 {
	if lag := p.lag.Load(); lag != lagUnknown {
		return float64(lag)
	}
	return math.NaN()
}

// newStampHTTP serves /livez, and /metrics for Prometheus.
func newStampHTTP(o *stampOrder, s *stamper.Stamper, progress *stampProgress) *http.Server {
	registry := metrics.NewStampRegistry(metrics.Line{Stream: o.stream, Consumer: o.consumer, Store: o.store, Output: s.Output()}, s.Stats, progress.lagValue)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprintln(rw, "ok") })
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
}

// clearFirst removes a line that changes before it writes one that stays.
type clearFirst struct{ io.Writer }

func (c clearFirst) Write(b []byte) (int, error) {
	if _, err := io.WriteString(c.Writer, "\r\033[K"); err != nil {
		return 0, err
	}
	return c.Writer.Write(b)
}
