package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/cmd/seqd/fleet"
	"github.com/seqd-io/seqd/worker"
)

const (
	// watchSessions bounds how long sessions are watched: one whose lease is longer
	// may not have been renewed by then.
	watchSessions = 10 * time.Second

	sessionTick = 50 * time.Millisecond
)

// lookAtSessions looks whether the workers that own keys renew their sessions. It
// blocks until all have, or for a lease.
func (e *examination) lookAtSessions(ctx context.Context, c Etcd, admin *operate.Admin) {
	leased := slices.ContainsFunc(c.Stores, func(s worker.Store) bool { return s.Leased })
	allow := fmt.Sprintf("let the workers' role read and write %s/ and all below it", c.Prefix)
	sessions, err := admin.Sessions(ctx)
	if err == nil && leased {
		err = admin.MayOwn(ctx)
	}
	switch {
	case err != nil && leased:
		e.fail("etcd.sessions", c.Name, "a worker could not own keys: "+textOf(err), allow)
		return
	case err != nil:
		e.skip("etcd.sessions", c.Name, "can't be read, which does no harm, because no store has a lease: "+textOf(err), "")
		return
	case len(sessions) == 0 && !leased:
		return // most systems own nothing, and need not hear of it
	case len(sessions) == 0:
		e.ok("etcd.sessions", c.Name, "none: no worker owns keys now")
		return
	}
	var unread []string
	for id, s := range sessions {
		if s.Err != nil {
			unread = append(unread, id)
			delete(sessions, id)
		}
	}
	if len(unread) > 0 {
		slices.Sort(unread)
		e.fail("etcd.sessions", c.Name, fmt.Sprintf("%d sessions are not understood, and the keys of their workers can't be taken over: %s", len(unread), some(unread)),
			"a newer seqd may have written it, or somebody by hand; look at one: etcdctl get "+c.Prefix+"/v1/sessions/"+unread[0])
	}
	still, long, err := watch(ctx, admin, sessions)
	if err != nil {
		e.skip("etcd.sessions", c.Name, "watching them was cut short: "+textOf(err), "")
		return
	}
	if len(long) > 0 {
		e.skip("etcd.sessions", c.Name, fmt.Sprintf("the leases of %d sessions are too long to be watched: %s", len(long), some(long)), "")
	}
	if len(still) > 0 {
		e.standStill(ctx, c, still)
	}
	if renewed := len(sessions) - len(still) - len(long); renewed > 0 && len(still)+len(unread) == 0 {
		e.ok("etcd.sessions", c.Name, fmt.Sprintf("workers that own keys, and renew their sessions: %d", renewed))
	}
}

// watch returns whose sessions have stood still for their lease, and whose leases
// are too long to tell. One that is gone has been let go of.
func watch(ctx context.Context, admin *operate.Admin, first map[string]operate.Session) (still, long []string, err error) {
	begin := time.Now() // after they were read
	left := maps.Clone(first)
	tick := time.NewTicker(sessionTick)
	defer tick.Stop()
	for len(left) > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
		now, err := admin.Sessions(ctx)
		if err != nil {
			return nil, nil, err
		}
		watched := time.Since(begin)
		for id, was := range left {
			switch s, ok := now[id]; {
			case !ok || s.Rev != was.Rev:
				delete(left, id)
			case watched > was.Lease():
				still = append(still, id)
				delete(left, id)
			case watched > watchSessions:
				long = append(long, id)
				delete(left, id)
			}
		}
	}
	slices.Sort(still)
	slices.Sort(long)
	return still, long, nil
}

// standStill tells workers that don't renew from those that are not there any
// more.
func (e *examination) standStill(ctx context.Context, c Etcd, still []string) {
	there := map[string]string{}
	if e.nc != nil {
		if infos, err := fleet.Infos(ctx, e.nc); err == nil {
			for _, info := range infos {
				there[info.Said.ID] = endpoint{id: info.Said.ID, host: info.Said.Metadata[worker.MetadataHost]}.worker()
			}
		}
	}
	var gone []string
	for _, id := range still {
		if there[id] == "" {
			gone = append(gone, id)
			continue
		}
		e.fail("etcd.sessions", c.Name, fmt.Sprintf("worker %s owns keys and does not renew its session: it issues no ids of them", there[id]),
			"look at its log and its way to etcd; if it stands still, restart it. At the next request for one of its keys another worker takes them over")
	}
	if len(gone) > 0 {
		e.warn("etcd.sessions", c.Name, fmt.Sprintf("workers that own keys, don't renew their sessions and don't answer: %s", strings.Join(gone, ", ")),
			"if they were killed, nothing needs to be done: at the next request for one of their keys another worker takes them over, within two leases. Otherwise they are cut off, or in another NATS account")
	}
}
