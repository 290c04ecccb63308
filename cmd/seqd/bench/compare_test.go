package bench

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func planOf(rounds int, loads ...Load) Plan {
	return Plan{Loads: loads, Rounds: rounds, Slice: 100 * time.Millisecond, Warm: 10 * time.Millisecond,
		Wiring: Wiring{Keys: []string{"k.0", "k.1"}, Connections: 1}}
}

// The peers take turns, another one first in each round, and ratios are those of
// rates in one round.
func TestCompareTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns []string
		trace := func(id string) {
			if len(turns) == 0 || turns[len(turns)-1] != id {
				turns = append(turns, id)
			}
		}
		echo := &fake{about: About{ID: "echo", Name: "echo"}, took: time.Millisecond, trace: trace}
		slow := &fake{about: About{ID: "slow", Name: "slow", Promise: Strict}, took: 4 * time.Millisecond, trace: trace}
		none := &fake{about: About{ID: "none", Name: "none", Promise: Unique}, trace: trace,
			lie: func(int, int64) (int64, error) { time.Sleep(time.Millisecond); return 0, errors.New("no") }}
		rested := 0
		plan := planOf(3, Load{1, 1})
		plan.Between = func(context.Context) { rested++ }
		c, err := Compare(t.Context(), []Peer{echo, slow, none}, plan)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"echo", "slow", "none", "echo", "slow", "none", "slow", "none", "echo", "none", "echo", "slow"}
		if !slices.Equal(turns, want) {
			t.Errorf("turns: %v", turns)
		}
		if rested != 12 {
			t.Errorf("rested %d times", rested)
		}
		if got := c.row("slow", 0, Load{1, 1}).ToEcho; got != 0.25 {
			t.Errorf("slow is %v of echo", got)
		}
		if got := c.row("slow", 0, Load{1, 1}).P50ToEcho; got < 3.9 || got > 4.1 {
			t.Errorf("slow takes %v times as long as echo", got)
		}
		if got := c.row("none", 0, Load{1, 1}); got.ToEcho != 0 || got.Errors["OTHER"] == 0 {
			t.Errorf("none: %+v", got)
		}
		var b bytes.Buffer
		if err := c.Write(&b); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"1 caller, 1 key", "slow, 112 answers checked: unique and in order", "none, 0 answers checked", "OTHER: no"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("no %q in:\n%s", want, &b)
			}
		}
	})
}

func TestCompareEndsWithAViolation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := &fake{about: About{ID: "good", Name: "good", Promise: Strict}, took: time.Millisecond}
		bad := &fake{about: About{ID: "bad", Name: "bad", Promise: Unique}, took: time.Millisecond,
			lie: func(_ int, id int64) (int64, error) { return id%150 + 1, nil }}
		c, err := Compare(t.Context(), []Peer{good, bad}, planOf(5, Load{1, 1}))
		var v *Violation
		if !errors.As(err, &v) || !strings.Contains(err.Error(), "bad broke its promise") {
			t.Fatalf("got %v", err)
		}
		if c.Violation != err.Error() || len(c.Rows) != 1 {
			t.Errorf("got %+v", c)
		}
	})
}

func TestCompareEndsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 350*time.Millisecond)
		defer cancel()
		peer := &fake{about: About{ID: "echo", Name: "echo"}, took: time.Millisecond}
		c, err := Compare(ctx, []Peer{peer}, planOf(10, Load{1, 1}))
		if err != nil {
			t.Fatal(err)
		}
		rows := c.Rows
		if len(rows) != 1 || rows[0].Rounds[1] == nil || rows[0].Rounds[2] != nil {
			t.Errorf("got %+v", rows)
		}
	})
}

func TestRatios(t *testing.T) {
	row := func(rates ...float64) *Row {
		r := &Row{}
		for _, x := range rates {
			if x < 0 {
				r.Rounds = append(r.Rounds, nil)
			} else {
				r.Rounds = append(r.Rounds, &Figures{Rate: x, Requests: int64(x)})
			}
		}
		return r
	}
	if got := ratios(row(10, 20, 30, 5), row(20, 20, -1, 0), rates); !slices.Equal(got, []float64{0.5, 1}) {
		t.Errorf("got %v", got)
	}
	if got := ratios(row(1), nil, rates); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}
