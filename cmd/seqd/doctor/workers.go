package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/micro"

	"github.com/seqd-io/seqd/cmd/seqd/fleet"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// endpoint is one store of one worker.
type endpoint struct {
	micro.EndpointInfo
	worker string // its id
	root   string
}

func (p endpoint) state() worker.State { return worker.State(p.Metadata[worker.MetadataState]) }

// lookAtWorkers asks the workers that run what they are, and holds their answers
// against each other and against this configuration.
func (e *examination) lookAtWorkers(ctx context.Context) {
	infos, err := fleet.Infos(ctx, e.nc)
	switch {
	case err != nil:
		e.skip("workers", "", fmt.Sprintf("not looked for: %v", err), fmt.Sprintf("allow this user to publish to %q; a worker does not need it", micro.APIPrefix+".>"))
		return
	case len(infos) == 0:
		e.warn("workers.replicas", "", "no worker answers", "start one, with the same settings: seqd worker; if one runs, it may be in another account")
		return
	}
	versions := map[string]int{}
	var all, mine []endpoint
	for _, info := range infos {
		versions[info.Said.Version]++
		for _, p := range info.Said.Endpoints {
			at := endpoint{p, info.Said.ID, info.Said.Metadata[worker.MetadataRoot]}
			all = append(all, at)
			if at.root == e.Root {
				mine = append(mine, at)
			}
		}
	}
	e.lookAtReplicas(len(infos), mine)
	e.lookAtVersions(versions)
	e.lookAtStates(mine)
	e.lookAtQueueGroups(all)
	e.lookAtRoots(all)
	e.lookAtRules(mine)
	e.lookAtIncarnations(mine)
}

// lookAtReplicas looks whether each store is served, and would be if one worker
// went away.
func (e *examination) lookAtReplicas(workers int, mine []endpoint) {
	healthy := true
	for _, s := range e.Stores {
		serving := 0
		for _, p := range mine {
			if p.state() == worker.Serving && p.QueueGroup == subjects.Queue && overlap(p.Subject, subjects.Wildcard(e.Root, s.Name)) {
				serving++
			}
		}
		switch serving {
		case 0:
			healthy = false
			e.fail("workers.replicas", "", fmt.Sprintf("workers that answer: %d; none serves %s", workers, subjects.Wildcard(e.Root, s.Name)), "look at their states below, their --root and their stores")
		case 1:
			healthy = false
			e.warn("workers.replicas", "", fmt.Sprintf("one worker serves %s: nobody does while it restarts", subjects.Wildcard(e.Root, s.Name)), "run a second one")
		}
	}
	if healthy {
		e.ok("workers.replicas", "", fmt.Sprintf("%d workers, every store served by two or more", workers))
	}
}

// overlap reports whether a request can match both subscriptions of workers,
// which are of one root.
func overlap(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	return len(x) > 1 && len(y) > 1 && (x[1] == y[1] || x[1] == subjects.AnyStore || y[1] == subjects.AnyStore)
}

func (e *examination) lookAtVersions(versions map[string]int) {
	names := slices.Sorted(maps.Keys(versions))
	counted := make([]string, len(names))
	for i, name := range names {
		counted[i] = fmt.Sprintf("%s × %d", name, versions[name])
	}
	if len(names) > 1 {
		e.warn("workers.version", "", "workers of several versions: "+strings.Join(counted, ", "), "fine during an upgrade; else upgrade the rest")
		return
	}
	e.ok("workers.version", "", counted[0])
}

// lookAtStates looks for workers that don't serve, each with what its state asks
// for.
func (e *examination) lookAtStates(mine []endpoint) {
	bad := false
	for _, p := range mine {
		try := ""
		switch p.state() {
		case worker.Serving:
			continue
		case worker.Fenced:
			try = wayOutOfFence
		case worker.Unavailable:
			try = "look at the etcd checks above, as this worker sees them: its network, user and password"
		case worker.Denied:
			try = fmt.Sprintf("allow its user to subscribe to %q", p.Subject+" "+subjects.Queue)
		default:
			try = "fine for a moment while it starts or ends; else look at its log"
		}
		bad = true
		text := fmt.Sprintf("worker %s is %s for %s", p.worker, p.state(), p.Subject)
		if s := p.state(); s == worker.Starting || s == worker.Draining {
			e.warn("workers.state", "", text, try)
		} else {
			e.fail("workers.state", "", text, try)
		}
	}
	if !bad {
		e.ok("workers.state", "", "all serve")
	}
}

// lookAtQueueGroups looks for workers in a group of their own: every request
// would be answered twice, by ids that are not the same.
func (e *examination) lookAtQueueGroups(all []endpoint) {
	bad := false
	for _, p := range all {
		if p.QueueGroup != subjects.Queue {
			bad = true
			e.fail("workers.queue", "", fmt.Sprintf("worker %s hears %s in the queue group %q: requests are answered twice, and ids are burnt", p.worker, p.Subject, p.QueueGroup),
				"stop it: it is not a seqd of this project's, or one that was changed")
		}
	}
	if !bad {
		e.ok("workers.queue", "", fmt.Sprintf("all in the one queue group %q", subjects.Queue))
	}
}

func (e *examination) lookAtRoots(all []endpoint) {
	others := map[string]bool{}
	for _, p := range all {
		if p.root != e.Root {
			others[p.root+".> ("+p.worker+")"] = true
		}
	}
	if len(others) == 0 {
		e.ok("workers.root", "", "all under "+e.Root+".>")
		return
	}
	e.warn("workers.root", "", "workers under another root: "+strings.Join(slices.Sorted(maps.Keys(others)), ", "), "fine if they are another installation; else give them the same --root")
}

// lookAtRules looks whether the workers of a store have the same rules for it.
// Where not, it is chance whether a request is refused.
func (e *examination) lookAtRules(mine []endpoint) {
	rules := map[string]map[string]bool{} // by subject and rule: its values
	for _, p := range mine {
		for _, rule := range []string{worker.MetadataDefaultMode, worker.MetadataModes, worker.MetadataMaxCount} {
			key := p.Subject + " " + rule
			if rules[key] == nil {
				rules[key] = map[string]bool{}
			}
			rules[key][p.Metadata[rule]] = true
		}
	}
	bad := false
	for _, key := range slices.Sorted(maps.Keys(rules)) {
		if len(rules[key]) > 1 {
			bad = true
			e.warn("workers.rules", "", fmt.Sprintf("workers don't agree on %s: %s", key, strings.Join(slices.Sorted(maps.Keys(rules[key])), " or ")), "give all workers the same configuration")
		}
	}
	if !bad {
		e.ok("workers.rules", "", "workers of a store have the same rules for it")
	}
}

// lookAtIncarnations looks whether requests for one store can come to workers
// that count in different etcds, or below different prefixes: they issue the
// same ids.
func (e *examination) lookAtIncarnations(mine []endpoint) {
	bad := false
	said := map[string][]endpoint{} // by the counters' name
	for _, p := range mine {
		name := p.Metadata[worker.MetadataIncarnation]
		if name == "" {
			continue // not serving yet
		}
		for other, ps := range said {
			if i := slices.IndexFunc(ps, func(q endpoint) bool { return overlap(p.Subject, q.Subject) }); other != name && i >= 0 {
				bad = true
				e.fail("workers.counters", "", fmt.Sprintf("workers %s (%s) and %s (%s) keep their counters in different places, %s and %s: the same ids are issued twice",
					ps[i].worker, ps[i].Subject, p.worker, p.Subject, other, name),
					"stop one of them at once; then give both the same --etcd-endpoints and --etcd-prefix, and raise the counters: seqd admin jump --all --by N")
			}
		}
		said[name] = append(said[name], p)
		if ours := e.ours(p); ours != "" && ours != name {
			bad = true
			e.fail("workers.counters", "", fmt.Sprintf("worker %s keeps the counters of %s in %s, and this configuration names %s", p.worker, p.Subject, name, ours),
				"look at --etcd-endpoints and --etcd-prefix, here and there: workers of both would issue the same ids")
		}
	}
	switch {
	case bad:
	case len(said) == 0:
		e.skip("workers.counters", "", "no worker says which counters it keeps", "it says so once it has reached etcd; versions before this one never do")
	default:
		e.ok("workers.counters", "", "workers of a store keep its counters in one place")
	}
}

// ours returns which counters this configuration has for what p serves, "" if it
// does not tell.
func (e *examination) ours(p endpoint) string {
	for _, s := range e.Stores {
		if p.Subject == subjects.Wildcard(e.Root, s.Name) {
			return e.incarnations[s.Name]
		}
	}
	return ""
}
