package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// Plan is what a comparison measures: every peer under every load, in every
// round.
type Plan struct {
	Loads  []Load
	Rounds int
	Slice  time.Duration // that is measured
	Warm   time.Duration // before it
	Wiring
	Machine  Machine
	Progress io.Writer // a terminal, to show how it goes on; nil: nowhere

	// Between, which may be nil, is called while the callers rest.
	Between func(context.Context)
}

// Takes returns how long the slices take.
func (p Plan) Takes(peers int) time.Duration {
	return time.Duration(p.turns(peers)) * (p.Warm + p.Slice)
}

func (p Plan) turns(peers int) int { return (p.Rounds*len(p.Loads) + 1) * peers }

// Comparison is what was measured. Where it was ended early, it holds the slices
// until then.
type Comparison struct {
	Rows        []*Row  `json:"rows"`
	Rounds      int     `json:"rounds"`
	Slice       float64 `json:"slice_s"`
	Warm        float64 `json:"warm_s"`
	Connections int     `json:"connections"`
	Checks      []Check `json:"checks"`
	Goals       []Goal  `json:"goals,omitempty"`
	Violation   string  `json:"violation"` // "" if all promises held
	Machine     Machine `json:"machine"`
	OneProcess  bool    `json:"one_process"` // all parts share one

	failures []string // one of each code and peer, in words
}

// Row is one peer under one load. Its own Figures are the middle of its rounds.
type Row struct {
	Peer       string `json:"peer"`
	ID         string `json:"id"`
	Durability string `json:"durability"`
	Workers    int    `json:"workers"` // 0: not seqd
	Load
	Figures
	ToEcho    float64    `json:"to_echo"`     // median of the rounds' ratios of rates; 0: not known
	P50ToEcho float64    `json:"p50_to_echo"` // the same of medians of latencies
	Rounds    []*Figures `json:"rounds"`      // nil: not measured
}

// Check is how many of a peer's answers were checked, and for what.
type Check struct {
	Peer    string `json:"peer"`
	Workers int    `json:"workers"`
	Answers int64  `json:"answers"`
	For     string `json:"for"`
}

// rival is a peer in a comparison.
type rival struct {
	Peer
	about About
	check *checker
	rows  []*Row // by the plan's loads

	failures failures // of all slices
}

// Compare opens the peers, measures them in turn and closes them. The error is a
// *Violation if one broke a promise. There is a Comparison also with an error,
// unless a peer could not be opened.
func Compare(ctx context.Context, peers []Peer, plan Plan) (*Comparison, error) {
	var rivals []*rival
	for _, peer := range peers {
		defer peer.Close()
	}
	for _, peer := range peers {
		r := &rival{Peer: peer, about: peer.About()}
		if err := peer.Open(ctx, plan.Wiring); err != nil {
			return nil, fmt.Errorf("%s: %w", r.about.Name, err)
		}
		r.check = newChecker(r.about, plan.Keys)
		for _, load := range plan.Loads {
			r.rows = append(r.rows, &Row{Peer: r.about.Name, ID: r.about.ID, Durability: r.about.Durability,
				Workers: r.about.Workers, Load: load, Rounds: make([]*Figures, plan.Rounds)})
		}
		rivals = append(rivals, r)
	}
	broken := plan.measure(ctx, rivals)
	return plan.sumUp(rivals, broken), broken
}

// measure lets the rivals take turns. Who begins changes with the round, so that
// nobody always follows the same one.
func (p Plan) measure(ctx context.Context, rivals []*rival) error {
	var (
		engine = newEngine()
		meter  = newMeter()
		live   = live{out: p.Progress}
		total  = p.turns(len(rivals))
		done   = 0
		begin  = time.Now()
	)
	defer live.clear()
	turn := func(r *rival, load Load) (*Figures, error) {
		left := "?"
		if done > 0 {
			left = (time.Since(begin) / time.Duration(done) * time.Duration(total-done)).Round(time.Second).String()
		}
		live.show(fmt.Sprintf("slice %d of %d, %s left: %s, %s, %s", done+1, total, left, r.about.Name, Counted(load.Callers, "caller"), Counted(load.Keys, "key")))
		done++
		slice := engine.run(ctx, r, load, p.Warm, p.Slice)
		meter.reset()
		meter.add(slice)
		f := meter.figures()
		r.failures = r.failures.plus(meter.failures)
		err := r.check.check(slice)
		if p.Between != nil {
			p.Between(ctx)
		}
		return &f, err
	}
	// One turn for nothing: connections, caches and segments grow.
	for _, r := range rivals {
		if _, err := turn(r, p.Loads[len(p.Loads)-1]); err != nil || ctx.Err() != nil {
			return err
		}
	}
	for round := range p.Rounds {
		for i := range p.Loads {
			for j := range rivals {
				r := rivals[(j+round)%len(rivals)]
				f, err := turn(r, p.Loads[i])
				if err != nil || ctx.Err() != nil {
					return err // a slice cut short can't be compared
				}
				r.rows[i].Rounds[round] = f
			}
		}
	}
	return nil
}

func (p Plan) sumUp(rivals []*rival, broken error) *Comparison {
	c := &Comparison{Rounds: p.Rounds, Slice: p.Slice.Seconds(), Warm: p.Warm.Seconds(), Connections: p.Connections, Machine: p.Machine}
	if broken != nil {
		c.Violation = broken.Error()
	}
	for i := range p.Loads {
		for _, r := range rivals {
			row := r.rows[i]
			var measured []Figures
			for _, f := range row.Rounds {
				if f != nil {
					measured = append(measured, *f)
				}
			}
			if len(measured) > 0 {
				row.Figures = middle(measured)
				c.Rows = append(c.Rows, row)
			}
		}
	}
	for _, row := range c.Rows {
		echo := c.row("echo", 0, row.Load)
		row.ToEcho, row.P50ToEcho = median(ratios(row, echo, rates)), median(ratios(row, echo, medians))
	}
	for _, r := range rivals {
		for _, code := range r.failures.codes() {
			c.failures = append(c.failures, fmt.Sprintf("%s: %s %s: %s", title(r.about.Name, r.about.Workers),
				thousands(float64(r.failures[code].count)), code, r.failures[code].text))
		}
		if r.check != nil {
			c.Checks = append(c.Checks, Check{r.about.Name, r.about.Workers, r.check.checked, r.about.Promise.String()})
		}
	}
	return c
}

// row returns the row of a peer, and nil if there is none.
func (c *Comparison) row(id string, workers int, load Load) *Row {
	i := slices.IndexFunc(c.Rows, func(r *Row) bool { return r.ID == id && r.Workers == workers && r.Load == load })
	if i < 0 {
		return nil
	}
	return c.Rows[i]
}

// ratios returns what a's figures are to b's in each round that measured both.
// There is none where a or b is nil.
func ratios(a, b *Row, of func(a, b Figures) float64) []float64 {
	var all []float64
	if a == nil || b == nil {
		return nil
	}
	for round, figures := range a.Rounds {
		to := b.Rounds[round]
		if figures != nil && to != nil && figures.Requests > 0 && to.Requests > 0 {
			all = append(all, of(*figures, *to))
		}
	}
	return all
}
