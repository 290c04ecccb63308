package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Settings are for a run of one peer.
type Settings struct {
	Load
	Wiring
	Duration time.Duration // of what is measured
	Machine  Machine
	Progress io.Writer // a terminal, to show how it goes on; nil: nowhere

	// Between, which may be nil, is called while the callers rest.
	Between func(context.Context)
}

// How a run is cut. Slices are short enough that the answers of one, which are
// all kept, take no more than a few MB, and that a run which is broken ends soon.
const (
	runSlice = time.Second
	runWarm  = 100 * time.Millisecond
)

// Report is what a run showed.
type Report struct {
	Peer       string `json:"peer"`
	ID         string `json:"id"`
	Durability string `json:"durability"`
	Workers    int    `json:"workers"` // 0: not known
	Load
	Figures
	Connections int     `json:"connections"`
	Seconds     float64 `json:"measured_s"`
	Checked     int64   `json:"answers_checked"`
	CheckedFor  string  `json:"checked_for"`
	Violation   string  `json:"violation"` // "" if the promises held
	Machine     Machine `json:"machine"`

	failures failures
	forgot   bool
}

// Run opens peer, measures it for as long as asked, or until ctx ends, and
// closes it. The error is a *Violation if the peer broke a promise. There is a
// report also with an error, of what was measured until then, unless the peer
// could not be opened.
func Run(ctx context.Context, peer Peer, s Settings) (*Report, error) {
	about := peer.About()
	defer peer.Close()
	if err := peer.Open(ctx, s.Wiring); err != nil {
		return nil, err
	}
	var (
		engine = newEngine()
		check  = newChecker(about, s.Wiring.Keys)
		total  = newMeter()
		latest = newMeter()
		live   = live{out: s.Progress}
		broken error
	)
	defer live.clear()
	for broken == nil && ctx.Err() == nil && total.measured < s.Duration {
		slice := engine.run(ctx, peer, s.Load, runWarm, min(runSlice, s.Duration-total.measured))
		total.add(slice)
		broken = check.check(slice)
		latest.reset()
		latest.add(slice)
		live.show(runLine(latest.figures(), total))
		if s.Between != nil {
			s.Between(ctx)
		}
	}
	r := &Report{
		Peer:        about.Name,
		ID:          about.ID,
		Durability:  about.Durability,
		Workers:     about.Workers,
		Load:        s.Load,
		Figures:     total.figures(),
		Connections: s.Connections,
		Seconds:     total.measured.Seconds(),
		CheckedFor:  about.Promise.String(),
		Machine:     s.Machine,
		failures:    total.failures,
	}
	if check != nil {
		r.Checked, r.forgot = check.checked, check.forgot
	}
	if broken != nil {
		r.Violation = broken.Error()
		return r, broken
	}
	if ctx.Err() == nil && r.Requests == 0 {
		return r, errNothing
	}
	return r, nil
}

var errNothing = errors.New("no request was answered: look at the errors by code, and at the workers' log")

func runLine(f Figures, total *meter) string {
	failed := int64(0)
	for _, failure := range total.failures {
		failed += failure.count
	}
	return fmt.Sprintf("%3.0f s  %s requests/s  p50 %s  p99 %s  errors %d",
		total.measured.Seconds(), thousands(f.Rate), us(f.P50), us(f.P99), failed)
}
