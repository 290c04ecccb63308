package fleet

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/cmd/seqd/cmdline"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// WhyNobody returns why nobody serves a store, as the workers that are there tell
// it; "" where none does.
func WhyNobody(ctx context.Context, nc *nats.Conn, patience time.Duration, root, store string) string {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	infos, err := Infos(ctx, nc)
	if err != nil || len(infos) == 0 {
		return "" // this user may not ask, or nobody is there
	}
	states, others := map[string]int{}, map[string]bool{}
	var stores []string
	for _, info := range infos {
		if theirs := info.Said.Metadata[worker.MetadataRoot]; theirs != root {
			others[fmt.Sprintf("the root %q", theirs)] = true
			continue
		}
		mine := ""
		for _, p := range info.Said.Endpoints {
			switch p.Subject {
			case subjects.Wildcard(root, store), subjects.Wildcard(root, subjects.AnyStore):
				mine = meaning(worker.State(p.Metadata[worker.MetadataState]), p.Metadata[worker.MetadataReason])
			default:
				others[p.Subject] = true
				stores = append(stores, p.Name)
			}
		}
		if mine != "" {
			states[mine]++
		}
	}
	if len(states) == 0 {
		return fmt.Sprintf("workers are there, for %s; check the store's name and the root %q%s",
			some(slices.Sorted(maps.Keys(others))), root, cmdline.DidYouMean(store, stores))
	}
	var said []string
	for _, state := range slices.Sorted(maps.Keys(states)) {
		said = append(said, fmt.Sprintf("%d %s", states[state], state))
	}
	return fmt.Sprintf("its workers are there and don't answer: %s; what to do says: seqd doctor", some(said))
}

// mostNames is how many of what workers say is told, and mostOfName how many bytes of
// each: NATS may let others than workers answer.
const mostNames, mostOfName = 10, 200

func some(names []string) string {
	var shown []string
	for i, name := range names {
		if i == mostNames {
			shown = append(shown, fmt.Sprintf("and %d more", len(names)-i))
			break
		}
		shown = append(shown, cmdline.Plain(name[:min(len(name), mostOfName)]))
	}
	return strings.Join(shown, ", ")
}

// meaning says what a worker's state is, for those who only want an id.
func meaning(state worker.State, reason string) string {
	switch state {
	case worker.Unavailable:
		return "unavailable (etcd can't be reached or refuses writes)"
	case worker.Fenced:
		return "fenced (etcd's history went backwards, and an operator must act)"
	case worker.Denied:
		return "denied (" + reason + ")"
	case worker.Serving:
		return "serving by what it says (ask again; if that does not help, this store may be denied to its NATS user, or to yours)"
	}
	return string(state)
}
