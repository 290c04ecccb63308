package faults

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// figures are what a record says about how the callers fared.
type figures struct {
	before, during, after int // requests and calls that ended then
	idsBefore, idsAfter   int // of them, those that got ids
	leasedBefore          int // of those that got ids, for leased keys
	leasedAfter           int
	outcomes              map[string]int // how requests failed since the fault, for clock-free keys
	leasedOutcomes        map[string]int // and for leased ones
	calls, failedCalls    int            // of the Go client, since the fault
	strongGap, weakGap    time.Duration  // longest time without ids of clock-free keys since the fault
	leasedGap             time.Duration  // without ids of some leased key that all ask for
	normal                time.Duration  // from heal to the last failure; 0: none
	slowest               time.Duration  // the slowest answer with ids
	median                time.Duration  // of the answers with ids while the fault lasted, STRONG, clock-free
	takeovers             int            // times that a leased key got another owner
}

// measure reads figures from a record of a fault that lasted from began to
// healed.
func measure(asks []ask, began, healed int64) figures {
	f := figures{outcomes: map[string]int{}, leasedOutcomes: map[string]int{}}
	gaps := gaps{began: began}
	var strong []time.Duration
	for _, a := range byEnd(asks) {
		got, took, leased := a.outcome == "", time.Duration(a.End-a.Start), isLeased(a.Key)
		switch {
		case a.End < began:
			f.before++
			if got {
				f.idsBefore++
			}
			if got && leased {
				f.leasedBefore++
			}
			continue
		case a.End < healed:
			f.during++
			if got && a.Strong && !leased {
				strong = append(strong, took)
			}
		default:
			f.after++
			if got {
				f.idsAfter++
			}
			if got && leased {
				f.leasedAfter++
			}
		}
		if got {
			gaps.add(a)
			f.slowest = max(f.slowest, took)
		} else {
			f.normal = max(f.normal, time.Duration(a.End-healed))
		}
		switch {
		case a.call && got:
			f.calls++
		case a.call:
			f.calls++
			f.failedCalls++
		case !got && leased:
			f.leasedOutcomes[a.outcome]++
		case !got:
			f.outcomes[a.outcome]++
		}
	}
	f.strongGap, f.weakGap, f.leasedGap = gaps.longest("STRONG"), gaps.longest("WEAK"), gaps.longest("leased")
	if len(strong) > 0 {
		slices.Sort(strong)
		f.median = strong[len(strong)/2]
	}
	return f
}

// gaps are the longest times without ids. Those of clock-free keys are of a mode,
// whatever the key: all workers issue them. A leased key has one owner, and so a
// gap of its own.
type gaps struct {
	began   int64
	last    map[string]int64 // when there were ids
	longOne map[string]time.Duration
}

func (g *gaps) add(a ask) {
	if g.last == nil {
		g.last, g.longOne = map[string]int64{}, map[string]time.Duration{}
	}
	of := "WEAK"
	switch {
	case slices.Contains(leasedKeys, a.Key):
		of = "leased " + a.Key.Name
	case isLeased(a.Key): // asked for once
		return
	case a.Strong:
		of = "STRONG"
	}
	last, ok := g.last[of]
	if !ok {
		last = g.began
	}
	g.longOne[of] = max(g.longOne[of], time.Duration(a.End-last))
	g.last[of] = a.End
}

// longest returns the longest gap of those whose name begins so.
func (g *gaps) longest(prefix string) (longest time.Duration) {
	for of, gap := range g.longOne {
		if strings.HasPrefix(of, prefix) {
			longest = max(longest, gap)
		}
	}
	return longest
}

func byEnd(asks []ask) []ask {
	return slices.SortedFunc(slices.Values(asks), func(a, b ask) int { return int(a.End - b.End) })
}

// failures returns how requests failed, most frequent first.
func (f figures) failures() string {
	if f.failed() == 0 {
		return "no request failed"
	}
	free, leased := failuresOf(f.outcomes), failuresOf(f.leasedOutcomes)
	switch {
	case leased == "":
		return free
	case free == "":
		return "leased: " + leased
	}
	return free + "; leased: " + leased
}

func failuresOf(outcomes map[string]int) string {
	names := slices.SortedFunc(maps.Keys(outcomes), func(a, b string) int { return outcomes[b] - outcomes[a] })
	var parts []string
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%s ×%d", name, outcomes[name]))
	}
	return strings.Join(parts, ", ")
}

// failed returns how many requests failed since the fault.
func (f figures) failed() int {
	n := 0
	for _, outcomes := range []map[string]int{f.outcomes, f.leasedOutcomes} {
		for _, count := range outcomes {
			n += count
		}
	}
	return n
}

// seconds writes a duration for people.
func seconds(d time.Duration) string {
	if d < 100*time.Millisecond {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
