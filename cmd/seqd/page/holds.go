package page

import (
	"fmt"
	"strings"
	"time"

	"github.com/seqd-io/seqd/cmd/seqd/top"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// hold is something that keeps callers from their ids, or will.
type hold struct {
	Bad  bool   `json:"bad"` // callers are refused now; else it is a warning
	Text string `json:"text"`
	Try  string `json:"try,omitempty"`
}

// clocksApart is how far apart workers' clocks may be that tell which period has
// begun; doctor has the same bound.
const clocksApart = time.Minute

// refusals are what the codes say that are not the callers' own fault, and what to
// try.
var refusals = map[subjects.Code][2]string{
	subjects.Busy:        {"are refused because a worker's queue is full", "ask for several ids at a time, or start more workers"},
	subjects.Expired:     {"outlive their callers' patience", "see how long etcd takes, and whether the workers have processor time"},
	subjects.Unavailable: {"are refused because etcd can't be reached, or their worker is stopping", ""},
	subjects.Exhausted:   {"are for keys that have no ids left", "see which they are: seqd doctor"},
	subjects.Fenced:      {"are refused because etcd's history went backwards", "see what to do: seqd doctor"},
	subjects.Internal:    {"fail in a worker", "see the workers' logs"},
}

// holds returns what holds back, the worst first. late is how many requests of this
// worker had to wait lately because a segment came late, and othersErr is why the
// other workers could not be asked.
func holds(v view, now worker.Snapshot, late int64, othersErr error) []hold {
	all := []hold{}
	bad := func(try, format string, args ...any) {
		all = append(all, hold{true, fmt.Sprintf(format, args...), try})
	}
	warn := func(try, format string, args ...any) {
		all = append(all, hold{false, fmt.Sprintf(format, args...), try})
	}
	for _, c := range v.Self.Checks {
		if c.Error != "" {
			bad(c.Try, "This worker: %s: %s", c.Name, c.Error)
		}
	}
	for _, state := range []string{top.Silent, string(worker.Disconnected), string(worker.Unavailable), string(worker.Fenced), string(worker.Denied), string(worker.Starting), string(worker.Draining)} {
		if names := inState(v, state); len(names) > 0 {
			bad("", "%s: %s", whatIs(state, len(names)), listed(names))
		}
	}
	for _, st := range v.Stores {
		if st.Reason != "" {
			bad("", "Store %s is denied to a worker: %s", st.Store, st.Reason)
		}
	}
	for _, c := range v.Codes {
		if said, ok := refusals[subjects.Code(c.Code)]; ok && c.PerS > 0 {
			bad(said[1], "%.3g requests a second %s (%s)", c.PerS, said[0], c.Code)
		}
	}
	if v.Total.Dropped > 0 {
		bad("start more workers", "%.3g requests a second are dropped unanswered because they come faster than they can be refused", v.Total.Dropped)
	}
	if limit := int64(now.InFlightLimit); now.InFlight > limit/2 {
		warn("start more workers, or see how long etcd takes", "%d requests wait in this worker, of %d at most", now.InFlight, limit)
	}
	for _, b := range now.Backends {
		switch b.LeaseState() {
		case worker.LeaseLate:
			warn("see how long etcd takes", "This worker's lease in %s is renewed late: if it ends, others take its %d keys over", b.Name, b.OwnedKeys)
		case worker.LeaseLost:
			bad("see how long etcd takes", "This worker's lease in %s has ended: others take its %d keys over", b.Name, b.OwnedKeys)
		}
	}
	if late > 0 {
		warn("give the store a longer weak.runway, or see how long etcd takes", "WEAK requests wait because a segment ran out before the next one was there")
	}
	if v.nearly > 0 {
		warn("see which they are: seqd doctor", "Keys that have used more than 90 %% of all ids: %d", v.nearly)
	}
	if v.offset.Abs() > clocksApart {
		warn("set the machines' clocks", "The workers' clocks are %v apart, and they tell when a period begins", v.offset.Abs().Round(time.Second))
	}
	if othersErr != nil && now.Connected {
		warn("", "The other workers can't be asked, and are not shown: %v", othersErr)
	}
	return all
}

// inState returns the names of the other workers that are in a state.
func inState(v view, state string) (names []string) {
	for _, r := range v.Workers {
		if !r.Self && r.State == state {
			name := r.Name
			if r.Host != "" {
				name += " on " + r.Host
			}
			names = append(names, name)
		}
	}
	return names
}

func whatIs(state string, n int) string {
	switch {
	case state == top.Silent && n == 1:
		return "A worker no longer answers"
	case state == top.Silent:
		return fmt.Sprintf("%d workers no longer answer", n)
	case n == 1:
		return "Another worker is " + state
	}
	return fmt.Sprintf("%d other workers are %s", n, state)
}

func listed(names []string) string {
	const few = 3
	if len(names) > few {
		return strings.Join(names[:few], ", ") + fmt.Sprintf(" and %d more", len(names)-few)
	}
	return strings.Join(names, ", ")
}
