package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/seqd-io/seqd/cmd/seqd/fleet"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// endpoint is one store of one worker.
type endpoint struct {
	micro.EndpointInfo
	id   string // the worker's
	host string // that it runs on; "": it does not say
	root string
}

// worker names the endpoint's worker for people.
func (p endpoint) worker() string {
	if p.host == "" {
		return p.id
	}
	return p.id + " on " + p.host
}

func (p endpoint) state() worker.State { return worker.State(p.Metadata[worker.MetadataState]) }

// lookAtWorkers asks the workers that run what they are, and holds their answers
// against each other and against this configuration.
func (e *examination) lookAtWorkers(ctx context.Context) {
	infos, err := fleet.Infos(ctx, e.nc)
	switch {
	case errors.Is(err, fleet.ErrTooMany):
		e.fail("workers", "", fmt.Sprint(err), fmt.Sprintf("let nobody but workers subscribe to %q", micro.APIPrefix+".>"))
		return
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
			at := endpoint{p, info.Said.ID, info.Said.Metadata[worker.MetadataHost], info.Said.Metadata[worker.MetadataRoot]}
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
	e.lookAtRules(covering(mine, nil))
	e.lookAtLeases(ctx, mine)
	e.lookAtLineages(mine)
}

// lookAtReplicas looks whether each store is served, and would be if one worker
// went away.
func (e *examination) lookAtReplicas(workers int, mine []endpoint) {
	healthy := true
	for _, s := range e.Stores {
		serving := 0
		for _, p := range mine {
			if p.state() == worker.Serving && p.QueueGroup == subjects.Queue && (p.store() == s.Name || p.store() == subjects.AnyStore) {
				serving++
			}
		}
		switch serving {
		case 0:
			healthy = false
			e.fail("workers.replicas", "", fmt.Sprintf("workers that answer: %d; none serves %s", workers, subjects.Wildcard(e.Root, s.Name)), "look at their states below, their --root and their stores")
		case 1:
			healthy = false
			e.warn("workers.replicas", "", fmt.Sprintf("only one worker serves %s: nobody does while it restarts", subjects.Wildcard(e.Root, s.Name)), "run a second one")
		}
	}
	if healthy {
		e.ok("workers.replicas", "", fmt.Sprintf("%d workers answer, and every store is served by two or more", workers))
	}
}

func (e *examination) lookAtVersions(versions map[string]int) {
	names := slices.Sorted(maps.Keys(versions))
	counted := make([]string, len(names))
	for i, name := range names {
		counted[i] = fmt.Sprintf("%s × %d", name, versions[name])
	}
	if len(names) > 1 {
		e.warn("workers.version", "", "workers of several versions: "+strings.Join(counted, ", "), "nothing needs to be done during an upgrade; otherwise upgrade the rest")
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
			try = "look at the etcd checks above; this worker may have another network, user or password than doctor has"
		case worker.Denied:
			try = e.allow(p)
		default:
			try = "this is normal for a moment while it starts or ends; otherwise look at its log"
		}
		bad = true
		text := fmt.Sprintf("worker %s is %s for %s", p.worker(), p.state(), p.Subject)
		if why := p.Metadata[worker.MetadataReason]; why != "" {
			text += ": " + why
		}
		if s := p.state(); s == worker.Starting || s == worker.Draining {
			e.warn("workers.state", "", text, try)
		} else {
			e.fail("workers.state", "", text, try)
		}
	}
	if !bad {
		e.ok("workers.state", "", "all workers serve")
	}
}

// allow says what a worker needs that NATS refuses something.
func (e *examination) allow(p endpoint) string {
	why := p.Metadata[worker.MetadataReason]
	switch {
	case strings.Contains(why, nats.ErrMaxSubscriptionsExceeded.Error()):
		return raiseSubscriptions
	case strings.Contains(why, "Publish to"):
		return fmt.Sprintf("allow its user to publish to callers' inboxes, %q", "_INBOX.>")
	case strings.Contains(why, "no headers"):
		return allowHeaders
	case strings.Contains(why, "max_payload"):
		return "raise max_payload of nats-server; its default is 1 MB"
	}
	return fmt.Sprintf("allow its user to subscribe to %q", p.Subject+" "+subjects.Queue)
}

const raiseSubscriptions = "raise max_subscriptions of nats-server, which takes a restart, or the limit in the JWT of the user's account"

// lookAtQueueGroups looks for workers in a group of their own: every request
// would be answered twice, by ids that are not the same.
func (e *examination) lookAtQueueGroups(all []endpoint) {
	bad := false
	for _, p := range all {
		if p.QueueGroup != subjects.Queue {
			bad = true
			e.fail("workers.queue", "", fmt.Sprintf("worker %s hears %s in the queue group %q: requests are answered twice, and ids are wasted", p.worker(), p.Subject, p.QueueGroup),
				"stop it: it is not seqd, or a seqd that somebody has changed")
		}
	}
	if !bad {
		e.ok("workers.queue", "", fmt.Sprintf("all workers are in the queue group %q", subjects.Queue))
	}
}

func (e *examination) lookAtRoots(all []endpoint) {
	others := map[string]bool{}
	for _, p := range all {
		if p.root != e.Root {
			others[p.root+".> ("+p.worker()+")"] = true
		}
	}
	if len(others) == 0 {
		e.ok("workers.root", "", "all workers serve under "+e.Root+".>")
		return
	}
	e.warn("workers.root", "", "workers under another root: "+strings.Join(slices.Sorted(maps.Keys(others)), ", "), "nothing needs to be done if they are another installation; otherwise give them the same --root")
}
