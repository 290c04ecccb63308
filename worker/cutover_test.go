package worker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/numbering"
)

// calendars are what a cut-over is driven over: when it is, by the clock of a worker
// that is right, and what the periods before and after it are called.
var calendars = []struct {
	name   string
	rule   numbering.Config
	older  string // the zone by the first worker's data; "": the rule's
	at     []string
	labels []string
}{
	{
		name: "end of a day of 23 hours", rule: numbering.Config{Period: "day", Zone: "Europe/Berlin"},
		at: []string{"2026-03-29T22:00:00Z"}, labels: []string{"2026-03-29", "2026-03-30"},
	},
	{
		name: "zone data without summer time", rule: numbering.Config{Period: "day", Zone: "Europe/Berlin"}, older: "Etc/GMT-1",
		at: []string{"2026-06-30T22:00:00Z", "2026-06-30T23:00:00Z"}, labels: []string{"2026-06-30", "2026-07-01"},
	},
	{
		name: "zone data with summer time", rule: numbering.Config{Period: "month", Zone: "Etc/GMT-1"}, older: "Europe/Berlin",
		at: []string{"2026-07-31T22:00:00Z", "2026-07-31T23:00:00Z"}, labels: []string{"2026-07", "2026-08"},
	},
	{
		name: "end of a day of 25 hours", rule: numbering.Config{Period: "day", Zone: "Europe/Berlin"},
		at: []string{"2026-10-25T23:00:00Z"}, labels: []string{"2026-10-25", "2026-10-26"},
	},
	{
		name: "end of a month", rule: numbering.Config{Period: "month"},
		at: []string{"2026-12-01T00:00:00Z"}, labels: []string{"2026-11", "2026-12"},
	},
	{
		name: "week 53", rule: numbering.Config{Period: "week", Zone: "Europe/Berlin"},
		at: []string{"2026-12-27T23:00:00Z", "2026-12-31T23:00:00Z", "2027-01-03T23:00:00Z"}, labels: []string{"2026-W52", "2026-W53", "2027-W01"},
	},
	{
		name: "end of a year", rule: numbering.Config{Period: "year", Zone: "Europe/Berlin"},
		at: []string{"2026-12-31T23:00:00Z"}, labels: []string{"2026", "2027"},
	},
	{
		name: "end of a financial year", rule: numbering.Config{Period: "year", YearStarts: "04-01", Zone: "Asia/Kolkata"},
		at: []string{"2026-12-31T18:30:00Z", "2027-03-31T18:30:00Z"}, labels: []string{"2026-27", "2027-28"},
	},
	{
		name: "29 February", rule: numbering.Config{Period: "day"},
		at: []string{"2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"}, labels: []string{"2028-02-28", "2028-02-29", "2028-03-01"},
	},
}

// Three workers whose clocks are 40 seconds apart go over from one period to the
// next under load: once anybody has an id of a period, no STRONG request gets one of
// an earlier period, whatever the clock or the zone data of the worker say that it
// reaches.
func TestCutOver(t *testing.T) {
	c := startCutOvers(t)
	for row, calendar := range calendars {
		t.Run(strings.ReplaceAll(calendar.name, " ", "-"), func(t *testing.T) {
			l := c.load(t, row)
			for _, at := range calendar.at {
				cut, err := time.Parse(time.RFC3339, at)
				if err != nil {
					t.Fatal(err)
				}
				for _, step := range steps {
					c.clock.Store(cut.Add(step).UnixNano())
					before := l.count.Load()
					eventually(t, func() bool { return l.count.Load() >= before+opsOfStep }, "it is too slow")
				}
			}
			l.end()
			l.check(t, calendar.labels)
		})
	}
}

// steps are where the right clock stands, seen from the cut-over: before and after
// each of the three clocks has passed it, and upon it.
var steps = []time.Duration{
	-30 * time.Second, -20*time.Second - 1, -20 * time.Second, -10 * time.Second, -1, 0,
	10 * time.Second, 20*time.Second - 1, 20 * time.Second, 30 * time.Second,
}

// offsets are by how much the workers' clocks are wrong.
var offsets = []time.Duration{-20 * time.Second, 0, 20 * time.Second}

const (
	opsOfStep   = 90 // at least, that got ids
	cutOverTeam = 12 // callers
)

func (l *cutOverLoad) check(t *testing.T, labels []string) {
	t.Helper()
	ops := l.history.Ops()
	for _, err := range []error{allocatortest.CheckUnique(ops), allocatortest.CheckStrong(ops), allocatortest.CheckStrong(ofOwnedStrongly(ops))} {
		if err != nil {
			t.Error(err)
		}
	}
	for key, ops := range byPeriod(ops) {
		var got []string
		for _, p := range slices.Sorted(keysOf(ops)) {
			got = append(got, l.rules[1].Label(p))
			if key == strongOnly(key.Store) && l.failed.Load() == 0 {
				if err := countsFromOne(ops[p]); err != nil {
					t.Errorf("%s in %s: %v", key, got[len(got)-1], err)
				}
			}
		}
		if !slices.Equal(got, labels) {
			t.Errorf("%s: got ids of %v, want %v", key, got, labels)
		}
	}
	if n := l.failed.Load(); n > 0 {
		t.Logf("%d requests failed, each of which may have left a gap: this machine is slow", n)
	}
	if l.apart.Load() < opsOfStep {
		t.Errorf("only %d ids while the workers did not agree on the period", l.apart.Load())
	}
	t.Logf("%d answers, %d while the workers did not agree on the period", len(ops), l.apart.Load())
}

// ofOwnedStrongly returns ops of the leased store, in whichever mode, as strong ones:
// they are in order as well.
func ofOwnedStrongly(ops []allocatortest.Op) (strong []allocatortest.Op) {
	for _, op := range ops {
		if strings.HasPrefix(op.Key.Store, "leased") {
			op.Strong = true
			strong = append(strong, op)
		}
	}
	return strong
}

func byPeriod(ops []allocatortest.Op) map[allocator.Key]map[allocator.Period][]allocatortest.Op {
	all := map[allocator.Key]map[allocator.Period][]allocatortest.Op{}
	for _, op := range ops {
		p, _ := allocator.SplitMark(op.Ids.First)
		if all[op.Key] == nil {
			all[op.Key] = map[allocator.Period][]allocatortest.Op{}
		}
		all[op.Key][p] = append(all[op.Key][p], op)
	}
	return all
}

func keysOf(m map[allocator.Period][]allocatortest.Op) func(func(allocator.Period) bool) {
	return func(yield func(allocator.Period) bool) {
		for p := range m {
			if !yield(p) {
				return
			}
		}
	}
}

// countsFromOne returns an error unless the ids of a period are those from 1 on,
// without a gap.
func countsFromOne(ops []allocatortest.Op) error {
	slices.SortFunc(ops, func(a, b allocatortest.Op) int { return int(a.Ids.First - b.Ids.First) })
	next := int64(1)
	for _, op := range ops {
		_, first := allocator.SplitMark(op.Ids.First)
		if first != next {
			return fmt.Errorf("id %d comes where %d should", first, next)
		}
		next += int64(op.Ids.N)
	}
	return nil
}

// strongOnly is the clock-free key that nobody asks for in WEAK mode, so that
// nothing is reserved for it that may be left over.
func strongOnly(store string) allocator.Key {
	if strings.HasPrefix(store, "leased") {
		return allocator.Key{}
	}
	return allocator.Key{Store: store, Name: "strong"}
}
