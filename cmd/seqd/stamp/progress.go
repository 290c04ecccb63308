package stamp

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

	"github.com/seqd-io/seqd/cmd/seqd/stamper"
)

// Times of telling how it goes.
const (
	askEvery = time.Second // for the lag; the screen shows it as often
	logEvery = 10 * time.Second
)

// progress tells how a stamper gets on: a line that changes on a terminal, else
// one in the log every ten seconds.
type progress struct {
	stamper interface {
		Lag(context.Context) (int64, error)
		Stats() stamper.Stats
	}
	screen bool
	out    io.Writer
	log    *slog.Logger
	lag    atomic.Int64 // as of the last time it was asked for; lagUnknown if there was no answer

	stamped int64 // when it was told the last time
	told    time.Time
}

// lagUnknown is told rather than the last lag that was known, which may be small.
const lagUnknown = -1

// run is the actor that tells.
func (p *progress) run(ctx context.Context) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	p.told = time.Now()
	p.ask(ctx)
	for {
		select {
		case <-tick.C:
			p.ask(ctx)
			if p.screen || time.Since(p.told) >= logEvery-askEvery/2 {
				p.tell(false)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// end tells once more, when the stamper has ended.
func (p *progress) end() {
	p.ask(context.Background())
	p.tell(true)
}

func (p *progress) tell(end bool) {
	now, s := time.Now(), p.stamper.Stats()
	rate := fmt.Sprintf("%.0f/s", float64(s.Stamped-p.stamped)/now.Sub(p.told).Seconds())
	p.stamped, p.told = s.Stamped, now
	switch {
	case p.screen && end:
		fmt.Fprintf(p.out, "\r\033[K%d stamped, lag %s, %d duplicates, %d skipped, %d failures\n", s.Stamped, p.lagText(), s.Duplicates, s.Skipped, s.Failures)
	case p.screen:
		fmt.Fprintf(p.out, "\r\033[K%d stamped, %s, lag %s, %d duplicates, %d skipped, %d failures", s.Stamped, rate, p.lagText(), s.Duplicates, s.Skipped, s.Failures)
	default:
		text := "progress"
		if end {
			text = "ended"
		}
		p.log.Info(text, "stamped", s.Stamped, "rate", rate, "lag", p.lagText(), "duplicates", s.Duplicates,
			"skipped", s.Skipped, "lost", s.Lost, "failures", s.Failures, "conflicts", s.Conflicts, "rewinds", s.Rewinds, "source_seq", s.Source)
	}
}

func (p *progress) ask(ctx context.Context) {
	lag, err := p.stamper.Lag(ctx)
	if err != nil {
		lag = lagUnknown
	}
	p.lag.Store(lag)
}

func (p *progress) lagText() string {
	if lag := p.lag.Load(); lag != lagUnknown {
		return strconv.FormatInt(lag, 10)
	}
	return "unknown"
}

// lagValue is for the metric: NaN while it is not known.
func (p *progress) lagValue() float64 {
	if lag := p.lag.Load(); lag != lagUnknown {
		return float64(lag)
	}
	return math.NaN()
}

// newHTTP serves /livez, and /metrics for Prometheus.
func newHTTP(o *order, s *stamper.Stamper, p *progress) http.Handler {
	registry := NewRegistry(Line{Stream: o.stream, Consumer: o.consumer, Store: o.store, Output: s.Output()}, s.Stats, p.lagValue)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprintln(rw, "ok") })
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

// clearFirst removes a line that changes before it writes one that stays.
type clearFirst struct{ io.Writer }

func (c clearFirst) Write(b []byte) (int, error) {
	if _, err := io.WriteString(c.Writer, "\r\033[K"); err != nil {
		return 0, err
	}
	return c.Writer.Write(b)
}
