package serve

import (
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/numbering"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// What a worker prints by a rule its Counter counts by the same: it would else
// reserve ids that no number has room for, or none of a new period.
func TestCountingByTheRules(t *testing.T) {
	rule := func(c numbering.Config) func(string) *numbering.Rule {
		r, err := numbering.New(c)
		if err != nil {
			t.Fatal(err)
		}
		return func(key string) *numbering.Rule {
			if key == "plain" {
				return nil
			}
			return r
		}
	}
	counting := countingBy([]worker.Store{
		{Name: "years", Numbers: rule(numbering.Config{Period: "year", Format: "{yyyy}-{id:06}"})},
		{Name: "days", Numbers: rule(numbering.Config{Period: "day"})},
		{Name: "orders", Numbers: rule(numbering.Config{Format: "O{scramble:10}", Secret: make([]byte, 16)})},
		{Name: "none"},
		{Name: subjects.AnyStore, Numbers: rule(numbering.Config{Format: "{id:04}"})},
	})
	now := time.Date(2026, time.November, 29, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		store, key string
		limit      int64
		period     allocator.Period // 0: none
	}{
		{"years", "k", 999_999, allocator.PeriodOf(2026, time.January, 1)},
		{"days", "k", 0, allocator.PeriodOf(2026, time.November, 29)},
		{"days", "plain", 0, 0},
		{"orders", "k", 9_999_999_999, 0},
		{"none", "k", 0, 0},
		{"whatever", "k", 9_999, 0},
		{"whatever", "plain", 0, 0},
	} {
		c := counting(allocator.Key{Store: test.store, Name: test.key})
		if period := c.Period; c.Limit != test.limit || (period != nil) != (test.period != 0) || period != nil && period(now) != test.period {
			t.Errorf("%s.%s: got %+v, want %+v", test.store, test.key, c, test)
		}
	}
	if countingBy([]worker.Store{{Name: "none"}}) != nil {
		t.Error("stores without rules are asked for them")
	}
}
