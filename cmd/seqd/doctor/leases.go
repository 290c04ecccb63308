package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/seqd-io/seqd/cmd/seqd/fleet"
	"github.com/seqd-io/seqd/worker"
)

// lookAtLeases asks the workers that have leases how these stand. A worker whose
// lease is over can issue no id of the keys that it owned.
func (e *examination) lookAtLeases(ctx context.Context, mine []endpoint) {
	if !slices.ContainsFunc(mine, func(p endpoint) bool { return p.lease() != "" }) {
		return
	}
	now, owned, err := e.leases(ctx)
	if err == nil && len(now) > 0 { // one has just joined, perhaps, or its renewal is on its way
		var later map[string]Finding
		later, owned, err = e.leases(ctx)
		maps.DeleteFunc(now, func(id string, f Finding) bool { return later[id].Status != f.Status })
	}
	switch {
	case err != nil:
		e.skip("workers.leases", "", fmt.Sprintf("not looked at: %v", err), "")
	case len(now) == 0:
		e.ok("workers.leases", "", fmt.Sprintf("all leases are renewed in time; keys owned: %d", owned))
	}
	for _, id := range slices.Sorted(maps.Keys(now)) {
		e.found(now[id])
	}
}

// lease returns for how long p's keys are owned, "" if they are not or it is of a
// version that does not say.
func (p endpoint) lease() string {
	if lease := p.Metadata[worker.MetadataLease]; lease != (time.Duration(0)).String() {
		return lease
	}
	return ""
}

// leases returns what is wrong with the leases of workers, by their ids, and how
// many keys they own together.
func (e *examination) leases(ctx context.Context) (bad map[string]Finding, owned int64, err error) {
	answers, err := fleet.Stats(ctx, e.nc)
	bad = map[string]Finding{}
	for _, a := range answers {
		if a.Said.Metadata[worker.MetadataRoot] != e.Root {
			continue
		}
		theirs := int64(0)
		for _, p := range a.Said.Endpoints {
			d := dataOf(p)
			theirs = d.OwnedKeys // each endpoint tells the whole worker's
			name := endpoint{id: a.Said.ID, host: a.Said.Metadata[worker.MetadataHost]}.worker()
			switch d.LeaseState {
			case worker.LeaseLost:
				bad[a.Said.ID] = Finding{Check: "workers.leases", Status: Fail,
					Text: fmt.Sprintf("the lease of worker %s has ended and is not renewed: it issues no ids of the keys that it owned for %s", name, p.Subject),
					Try:  "ask it why, as http://<worker>/readyz?verbose; does etcd take its renewals, and does it have the processor time to make them?"}
			case worker.LeaseLate:
				if bad[a.Said.ID].Status == Fail {
					break
				}
				bad[a.Said.ID] = Finding{Check: "workers.leases", Status: Warn,
					Text: fmt.Sprintf("worker %s renews its lease of %d ms late: %d ms are left of it", name, d.LeaseMs, d.LeaseLeftMs),
					Try:  "look at etcd's latency and at the worker's processor time, or give it a longer lease"}
			}
		}
		owned += theirs
	}
	return bad, owned, err
}

func dataOf(p *micro.EndpointStats) (d worker.EndpointData) {
	_ = json.Unmarshal(p.Data, &d) // what is not understood counts as nothing
	return d
}
