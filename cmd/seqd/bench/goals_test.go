package bench

import "testing"

func TestGoals(t *testing.T) {
	// Rates and p50 and p99 that meet each goal by a hair.
	cells := map[cell]Figures{
		{"echo", 0, hotKey}:           {Rate: 1000},
		{"weak", 1, hotKey}:           {Rate: 950},
		{"strong", 1, hotKey}:         {Rate: 850, P99: 10},
		{"strong", 4, hotKey}:         {Rate: 680, P99: 20},
		{"strong", 8, hotKey}:         {Rate: 595, P99: 20},
		{"jetstream-sync", 0, hotKey}: {Rate: 56},
		{"echo", 0, oneCaller}:        {P50: 100},
		{"txn", 0, oneCaller}:         {P50: 300},
		{"strong", 1, oneCaller}:      {P50: 440},
		{"strong", 1, manyKeys}:       {Rate: 500},
		{"txn", 0, manyKeys}:          {Rate: 100},
	}
	compare := func(change func(cell, *Figures)) []Outcome {
		c := &Comparison{}
		for cell, f := range cells {
			f.Requests = 1
			change(cell, &f)
			c.Rows = append(c.Rows, &Row{ID: cell.id, Workers: cell.workers, Load: cell.load, Rounds: []*Figures{&f}})
		}
		return c.goals()
	}
	met := compare(func(cell, *Figures) {})
	if len(met) != len(allGoals()) {
		t.Fatalf("%d goals of %d", len(met), len(allGoals()))
	}
	for _, o := range met {
		if !o.Met {
			t.Errorf("not met: %+v", o)
		}
	}
	// And missed by a hair.
	for _, o := range compare(func(c cell, f *Figures) {
		if c.id == "echo" && c.load == hotKey || c.id == "txn" && c.load == manyKeys || c.id == "jetstream-sync" {
			f.Rate *= 1.03
		}
		if c.workers > 1 {
			f.Rate *= 0.97
			f.P99 *= 1.03
		}
		if c.id == "strong" && c.load == oneCaller {
			f.P50 *= 1.03
		}
	}) {
		if o.Met {
			t.Errorf("met: %+v", o)
		}
	}
	for _, o := range compare(func(_ cell, f *Figures) { f.Requests = 0 }) {
		if o.Met || o.Rounds != 0 || o.Measured != 0 {
			t.Errorf("met without answers: %+v", o)
		}
	}
	if got := (&Comparison{Rows: []*Row{{ID: "echo", Load: hotKey}}}).goals(); got == nil || len(got) != 0 {
		t.Errorf("got %v of nothing", got)
	}
}
