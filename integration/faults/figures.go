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
	before, during, after int            // requests and calls that ended then
	idsBefore, idsAfter   int            // of them, those that got ids
	weakDuring            int            // WEAK ones that got ids while the fault lasted
	strongDuring          int            // STRONG ones
	outcomes              map[string]int // how requests failed since the fault
	calls, failedCalls    int            // of the Go client, since the fault
	strongGap, weakGap    time.Duration  // longest time without ids since the fault
	normal                time.Duration  // from heal to the last failure; 0: none
	slowest               time.Duration  // the slowest answer with ids
	median                time.Duration  // of the answers with ids while the fault lasted, STRONG
}

// measure reads figures from a record of a fault that lasted from began to
// healed.
func measure(asks []ask, began, healed int64) figures {
	f := figures{outcomes: map[string]int{}}
	lastEnd := map[bool]int64{true: began, false: began}
	gap := map[bool]time.Duration{}
	var strong []time.Duration
	for _, a := range byEnd(asks) {
		got, took := a.outcome == "", time.Duration(a.End-a.Start)
		switch {
		case a.End < began:
			f.before++
			if got {
				f.idsBefore++
			}
			continue
		case a.End < healed:
			f.during++
			if got && a.Strong {
				f.strongDuring++
				strong = append(strong, took)
			} else if got {
				f.weakDuring++
			}
		default:
			f.after++
			if got {
				f.idsAfter++
			}
		}
		if got {
			gap[a.Strong] = max(gap[a.Strong], time.Duration(a.End-lastEnd[a.Strong]))
			lastEnd[a.Strong] = a.End
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
		case !got:
			f.outcomes[a.outcome]++
		}
	}
	f.strongGap, f.weakGap = gap[true], gap[false]
	if len(strong) > 0 {
		slices.Sort(strong)
		f.median = strong[len(strong)/2]
	}
	return f
}

func byEnd(asks []ask) []ask {
	return slices.SortedFunc(slices.Values(asks), func(a, b ask) int { return int(a.End - b.End) })
}

// failures returns how requests failed, most frequent first.
func (f figures) failures() string {
	if len(f.outcomes) == 0 {
		return "no request failed"
	}
	names := slices.SortedFunc(maps.Keys(f.outcomes), func(a, b string) int { return f.outcomes[b] - f.outcomes[a] })
	var parts []string
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%s ×%d", name, f.outcomes[name]))
	}
	return strings.Join(parts, ", ")
}

// failed returns how many requests failed since the fault.
func (f figures) failed() int {
	n := 0
	for _, count := range f.outcomes {
		n += count
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
