package doctor

import (
	"fmt"
	"maps"
	"slices"

	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// lookAtLineages looks whether requests for one store can come to workers
// that count in different etcds, or below different prefixes: they issue the
// same ids.
func (e *examination) lookAtLineages(mine []endpoint) {
	bad, known := false, false
	told := map[string]bool{}
	covers := covering(mine, e.Stores)
	for _, store := range slices.Sorted(maps.Keys(covers)) {
		var first endpoint
		for _, p := range covers[store] {
			name := p.Metadata[worker.MetadataLineage]
			if name == "" || p.Metadata[worker.MetadataState] == string(worker.Fenced) {
				continue // not serving yet, or no more: of an etcd that was replaced it names the one before
			}
			known = true
			switch other := first.Metadata[worker.MetadataLineage]; {
			case other == "":
				first = p
			case other != name:
				bad = true
				e.failOnce(told, fmt.Sprintf("workers %s (%s) and %s (%s) keep their counters in different places, %s and %s: the same ids are issued twice",
					first.worker(), first.Subject, p.worker(), p.Subject, other, name),
					"stop one of them at once; then give both the same --etcd-endpoints and --etcd-prefix, and raise the counters: seqd admin jump --all --by N")
			}
			if ours := e.ours(store); ours != "" && ours != name {
				bad = true
				e.failOnce(told, fmt.Sprintf("worker %s keeps the counters of %s in %s, and this configuration names %s", p.worker(), p.Subject, name, ours),
					"look at --etcd-endpoints and --etcd-prefix, here and there: workers of both would issue the same ids")
			}
		}
	}
	switch {
	case bad:
	case !known:
		e.skip("workers.counters", "", "no worker that may issue ids says which counters it keeps", "workers say so once they have reached etcd; older versions never do")
	default:
		e.ok("workers.counters", "", "the workers of each store keep its counters in one place")
	}
}

// failOnce reports what is found again for each store that it concerns.
func (e *examination) failOnce(told map[string]bool, text, try string) {
	if !told[text] {
		told[text] = true
		e.fail("workers.counters", "", text, try)
	}
}

// ours returns which counters this configuration has for a store, "" if it does
// not tell.
func (e *examination) ours(store string) string {
	if !slices.ContainsFunc(e.Stores, func(s worker.Store) bool { return s.Name == store }) {
		store = subjects.AnyStore
	}
	return e.incarnations[store]
}
