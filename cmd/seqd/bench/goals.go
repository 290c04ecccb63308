package bench

import "slices"

// Outcome is a goal and what was measured of it.
type Outcome struct {
	Goal     string  `json:"goal"`
	Limit    float64 `json:"limit"`
	AtMost   bool    `json:"at_most"`  // else at least
	Rounds   int     `json:"rounds"`   // that could be compared; 0: a peer did not answer in time
	Measured float64 `json:"measured"` // median of the rounds
	Least    float64 `json:"least"`    // in one round
	Most     float64 `json:"most"`
	Met      bool    `json:"met"`
}

// goal is a ratio that seqd is to reach. The loads are those of the issue that
// set the goals.
type goal struct {
	text   string
	limit  float64
	atMost bool
	cells  []cell
	ratio  func([]*Figures) float64 // of the cells
}

type cell struct {
	id      string
	workers int
	load    Load
}

// The loads that goals are about.
var (
	oneCaller = Load{Callers: 1, Keys: 1}
	hotKey    = Load{Callers: 256, Keys: 1}
	manyKeys  = Load{Callers: 256, Keys: 256}
)

// GoalLoads are the loads under which every goal can be measured.
func GoalLoads() []Load { return []Load{oneCaller, hotKey, manyKeys} }

// GoalWorkers are how many workers there must be.
func GoalWorkers() []int { return []int{1, 4, 8} }

func rate(f []*Figures) float64 { return f[0].Rate / f[1].Rate }
func p99(f []*Figures) float64  { return f[0].P99 / f[1].P99 }

func allGoals() []goal {
	hot := func(workers int) cell { return cell{"strong", workers, hotKey} }
	return []goal{
		{text: "WEAK, 1 key, 256 callers: rate to echo", limit: 0.95, ratio: rate,
			cells: []cell{{"weak", 1, hotKey}, {"echo", 0, hotKey}}},
		{text: "STRONG, 1 key, 256 callers: rate to echo", limit: 0.85, ratio: rate,
			cells: []cell{hot(1), {"echo", 0, hotKey}}},
		{text: "STRONG, 1 key, 1 caller: p50 to echo's + one transaction's", limit: 1.10, atMost: true,
			ratio: func(f []*Figures) float64 { return f[0].P50 / (f[1].P50 + f[2].P50) },
			cells: []cell{{"strong", 1, oneCaller}, {"echo", 0, oneCaller}, {"txn", 0, oneCaller}}},
		{text: "STRONG, 256 keys, 1 caller each: rate to a transaction per id", limit: 5, ratio: rate,
			cells: []cell{{"strong", 1, manyKeys}, {"txn", 0, manyKeys}}},
		{text: "STRONG, 1 key, 256 callers: rate to JetStream sync_always", limit: 15, ratio: rate,
			cells: []cell{hot(1), {"jetstream-sync", 0, hotKey}}},
		{text: "STRONG, 1 key, 256 callers: rate of 4 workers to 1", limit: 0.8, ratio: rate, cells: []cell{hot(4), hot(1)}},
		{text: "STRONG, 1 key, 256 callers: p99 of 4 workers to 1", limit: 2, atMost: true, ratio: p99, cells: []cell{hot(4), hot(1)}},
		{text: "STRONG, 1 key, 256 callers: rate of 8 workers to 1", limit: 0.7, ratio: rate, cells: []cell{hot(8), hot(1)}},
		{text: "STRONG, 1 key, 256 callers: p99 of 8 workers to 1", limit: 2, atMost: true, ratio: p99, cells: []cell{hot(8), hot(1)}},
	}
}

// goals returns the goals that the rows can tell of.
func (c *Comparison) goals() []Outcome {
	outcomes := []Outcome{}
	for _, g := range allGoals() {
		var rows []*Row
		for _, cell := range g.cells {
			rows = append(rows, c.row(cell.id, cell.workers, cell.load))
		}
		if slices.Contains(rows, nil) {
			continue
		}
		ratios := perRound(g.ratio, rows...)
		o := Outcome{Goal: g.text, Limit: g.limit, AtMost: g.atMost, Rounds: len(ratios)}
		if o.Rounds > 0 {
			o.Measured, o.Least, o.Most = median(ratios), slices.Min(ratios), slices.Max(ratios)
			o.Met = o.Measured >= o.Limit
			if o.AtMost {
				o.Met = o.Measured <= o.Limit
			}
		}
		outcomes = append(outcomes, o)
	}
	return outcomes
}
