package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// store returns the name of the store that p serves, or subjects.AnyStore.
func (p endpoint) store() string {
	tokens := strings.Split(p.Subject, ".")
	if len(tokens) < 2 {
		return ""
	}
	return tokens[1]
}

// covering returns who gets the requests of each store that some worker has
// rules of its own for, or more has; and under subjects.AnyStore those of all
// other stores: a worker that serves every store may get any request.
func covering(all []endpoint, more []worker.Store) map[string][]endpoint {
	workers, stores := map[string]map[string]endpoint{}, map[string]bool{}
	for _, s := range more {
		stores[s.Name] = true
	}
	for _, p := range all {
		if workers[p.id] == nil {
			workers[p.id] = map[string]endpoint{}
		}
		workers[p.id][p.store()] = p
		stores[p.store()] = true
	}
	covers := map[string][]endpoint{}
	for store := range stores {
		for _, id := range slices.Sorted(maps.Keys(workers)) {
			p, ok := workers[id][store]
			if !ok {
				p, ok = workers[id][subjects.AnyStore]
			}
			if ok {
				covers[store] = append(covers[store], p)
			}
		}
	}
	return covers
}

// rules are what the workers that get a store's requests should agree on, with
// what it is if they don't: Fail where ids are wrong, or wanted ones refused, by
// chance.
var rules = []struct {
	metadata string
	status   Status
}{
	{worker.MetadataDefaultMode, Fail},
	{worker.MetadataModes, Fail},
	{worker.MetadataFloors, Fail},
	{worker.MetadataNumbering, Fail},
	{worker.MetadataMaxCount, Warn},
	{worker.MetadataSegments, Warn},
	{worker.MetadataLease, Warn}, // right while a lease is turned on or off
}

// lookAtRules looks whether those who get a store's requests have the same rules
// for it.
func (e *examination) lookAtRules(covers map[string][]endpoint) {
	bad := false
	for _, store := range slices.Sorted(maps.Keys(covers)) {
		for _, rule := range rules {
			said := map[string][]endpoint{} // by value
			for _, p := range covers[store] {
				if value, ok := p.Metadata[rule.metadata]; ok { // else it is of a version that does not say
					said[value] = append(said[value], p)
				}
			}
			if len(said) < 2 {
				continue
			}
			bad = true
			var values []string
			for _, value := range slices.Sorted(maps.Keys(said)) {
				p := said[value][0]
				if value == "" {
					value = "none"
				}
				if p.store() != store {
					value += fmt.Sprintf(" (worker %s, which serves it as %s)", p.worker(), p.Subject)
				}
				values = append(values, value)
			}
			e.found(Finding{Check: "workers.rules", Status: rule.status,
				Text: fmt.Sprintf("the workers of %s don't agree on %s: %s", subjects.Wildcard(e.Root, store), rule.metadata, strings.Join(values, " or ")),
				Try:  "give all workers the same configuration"})
		}
	}
	if !bad {
		e.ok("workers.rules", "", "the workers of each store have the same rules for it")
	}
}
