package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/cmd/seqd/fleet"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// whyNobody says more of err, that nobody serves the store, where workers tell
// it: that some are there, and why they don't serve. Otherwise it returns err.
func (q *nextQuery) whyNobody(ctx context.Context, nc *nats.Conn, err error) error {
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	infos, askErr := fleet.Infos(ctx, nc)
	if askErr != nil || len(infos) == 0 {
		return err // this user may not ask, or nobody is there
	}
	states, others := map[string]int{}, map[string]bool{}
	for _, info := range infos {
		if root := info.Said.Metadata[worker.MetadataRoot]; root != q.root {
			others[fmt.Sprintf("the root %q", root)] = true
			continue
		}
		mine := ""
		for _, p := range info.Said.Endpoints {
			switch p.Subject {
			case subjects.Wildcard(q.root, q.store), subjects.Wildcard(q.root, subjects.AnyStore):
				mine = meaning(worker.State(p.Metadata[worker.MetadataState]), p.Metadata[worker.MetadataReason])
			default:
				others[p.Subject] = true
			}
		}
		if mine != "" {
			states[mine]++
		}
	}
	where := fmt.Errorf("next: store %.80q key %.80q: %w", q.store, q.key, seqd.ErrNoWorkers)
	if len(states) == 0 {
		return fmt.Errorf("%w; workers are there, for %s; check the store's name and the root %q", where,
			strings.Join(slices.Sorted(maps.Keys(others)), ", "), q.root)
	}
	var said []string
	for _, state := range slices.Sorted(maps.Keys(states)) {
		said = append(said, fmt.Sprintf("%d %s", states[state], state))
	}
	return fmt.Errorf("%w; its workers are there and don't serve: %s; what to do says: seqd doctor", where, strings.Join(said, ", "))
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
		return "serving by now (ask again)"
	}
	return string(state)
}
