package bench

import (
	"fmt"
	"io"
	"strings"
)

// goal is a ratio of two peers' figures in one round, and what it is to be. They
// are those of allocator/DESIGN.md.
type goal struct {
	what     string
	of, to   measured
	ratio    func(a, b Figures) float64
	atMost   bool // else at least
	standard float64
}

// measured names a row of a comparison.
type measured struct {
	id      string
	workers int
	Load
}

// Loads that goals are about.
var (
	alone    = Load{Callers: 1, Keys: 1}
	oneKey   = Load{Callers: 256, Keys: 1}
	manyKeys = Load{Callers: 256, Keys: 256}
)

func rates(a, b Figures) float64   { return a.Rate / b.Rate }
func medians(a, b Figures) float64 { return a.P50 / b.P50 }

func goals() []goal {
	rate := func(what, id string, workers int, load Load, least float64) goal {
		return goal{what: what + ": rate to echo's", of: measured{id, workers, load}, to: measured{"echo", 0, load}, ratio: rates, standard: least}
	}
	p50 := func(what, id string, workers int, load Load, most float64) goal {
		return goal{what: what + ": p50 to echo's", of: measured{id, workers, load}, to: measured{"echo", 0, load}, ratio: medians, atMost: true, standard: most}
	}
	workers := func(n int, least float64) goal {
		return goal{what: fmt.Sprintf("STRONG, 256 callers, 256 keys: rate of %d workers to one's", n),
			of: measured{"strong", n, manyKeys}, to: measured{"strong", 1, manyKeys}, ratio: rates, standard: least}
	}
	return []goal{
		p50("leased, 1 worker, 1 caller", "leased", 1, alone, 1.2),
		rate("leased, 1 worker, 256 callers, 1 key", "leased", 1, oneKey, 0.93),
		rate("leased, 1 worker, 256 callers, 256 keys", "leased", 1, manyKeys, 0.90),
		rate("leased, 4 workers, 256 callers, 1 key", "leased", 4, oneKey, 0.70),
		rate("leased, 4 workers, 256 callers, 256 keys", "leased", 4, manyKeys, 0.70),
		rate("leased, 8 workers, 256 callers, 256 keys", "leased", 8, manyKeys, 0.60),
		p50("leased, 4 workers, 1 caller", "leased", 4, alone, 1.7),
		{what: "leased, 4 workers, 1 caller: p50 to that of an echo passed on",
			of: measured{"leased", 4, alone}, to: measured{"relay", 4, alone}, ratio: medians, atMost: true, standard: 1.2},
		{what: "leased, 8 workers, 256 callers, 256 keys: rate to an echo's passed on",
			of: measured{"leased", 8, manyKeys}, to: measured{"relay", 8, manyKeys}, ratio: rates, standard: 0.90},
		{what: "leased, 1 worker, 256 callers, 1 key: rate to JetStream's with sync_always",
			of: measured{"leased", 1, oneKey}, to: measured{"jetstream-sync", 0, oneKey}, ratio: rates, standard: 26},
		{what: "STRONG, 1 worker, 256 callers, 1 key: rate to JetStream's with sync_always",
			of: measured{"strong", 1, oneKey}, to: measured{"jetstream-sync", 0, oneKey}, ratio: rates, standard: 15},
		{what: "STRONG, 1 worker, 256 callers, 256 keys: rate to a transaction's per id",
			of: measured{"strong", 1, manyKeys}, to: measured{"txn", 0, manyKeys}, ratio: rates, standard: 5},
		workers(4, 0.75),
		workers(8, 0.60),
		rate("STRONG, 1 worker, 256 callers, 1 key", "strong", 1, oneKey, 0.70),
		rate("WEAK, 256 callers, 1 key", "weak", 1, oneKey, 0.95),
	}
}

// Goal is a goal held against what was measured.
type Goal struct {
	What   string    `json:"what"`
	Ratio  float64   `json:"ratio"` // the median of Rounds
	Rounds []float64 `json:"rounds"`
	AtMost bool      `json:"at_most"` // the ratio is to be at most Goal; else at least
	Goal   float64   `json:"goal"`
	Met    bool      `json:"met"`
}

// HoldAgainstGoals adds the goals to c, as far as what they are about was
// measured.
func (c *Comparison) HoldAgainstGoals() {
	for _, g := range goals() {
		rounds := ratios(c.row(g.of.id, g.of.workers, g.of.Load), c.row(g.to.id, g.to.workers, g.to.Load), g.ratio)
		if len(rounds) == 0 {
			continue
		}
		at := median(append([]float64(nil), rounds...))
		met := at >= g.standard
		if g.atMost {
			met = at <= g.standard
		}
		c.Goals = append(c.Goals, Goal{What: g.what, Ratio: at, Rounds: rounds, AtMost: g.atMost, Goal: g.standard, Met: met})
	}
}

// writeGoals writes them for people; nothing, where there are none.
func (c *Comparison) writeGoals(w io.Writer) {
	if len(c.Goals) == 0 {
		return
	}
	var lines [][]string
	for _, g := range c.Goals {
		sign, verdict := "≥", "missed"
		if g.AtMost {
			sign = "≤"
		}
		if g.Met {
			verdict = "met"
		}
		var rounds []string
		for _, r := range g.Rounds {
			rounds = append(rounds, ratio(r))
		}
		lines = append(lines, []string{g.What, ratio(g.Ratio), sign + " " + ratio(g.Goal), verdict, strings.Join(rounds, " ")})
	}
	fmt.Fprintln(w)
	table(w, []string{"goal", "measured", "wanted", "", "in each round"}, lines)
}
