package bench

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// A goal is held against the median of the rounds' ratios, and is left out where
// what it is about was not measured.
func TestGoals(t *testing.T) {
	row := func(id string, workers int, load Load, p50, rate float64) *Row {
		r := &Row{ID: id, Workers: workers, Load: load}
		for _, slower := range []float64{1, 2, 4} { // a machine that drifts
			r.Rounds = append(r.Rounds, &Figures{Requests: 1, P50: p50 * slower, Rate: rate / slower})
		}
		return r
	}
	c := &Comparison{Rows: []*Row{
		row("echo", 0, alone, 10, 100), row("leased", 1, alone, 12, 90), row("leased", 4, alone, 20, 90),
		row("leased", 1, oneKey, 10, 95), row("echo", 0, oneKey, 10, 100), row("jetstream-sync", 0, oneKey, 10, 5),
	}}
	c.HoldAgainstGoals()
	var got []string
	for _, g := range c.Goals {
		got = append(got, g.What)
		if len(g.Rounds) != 3 || slices.Max(g.Rounds) != g.Ratio {
			t.Errorf("%+v", g)
		}
	}
	want := []string{"leased, 1 worker, 1 caller: p50 to echo's", "leased, 1 worker, 256 callers, 1 key: rate to echo's",
		"leased, 4 workers, 1 caller: p50 to echo's", "leased, 1 worker, 256 callers, 1 key: rate to JetStream's with sync_always"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	var b bytes.Buffer
	c.writeGoals(&b)
	for _, want := range []string{" 1.20      ≤ 1.20  met ", " 2.00      ≤ 1.70  missed ", " 0.95      ≥ 0.93  met ", " 19.0      ≥ 26.0  missed "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, &b)
		}
	}
}
