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
	"github.com/seqd-io/seqd/internal/backoff"
	"github.com/seqd-io/seqd/worker"
)

const (
	// clocksApart is how far a clock's rate may be from ours. Leases bear 22 % between
	// any two workers.
	clocksApart = 0.05

	// clockInterval is the least time between two looks at the clocks: so an answer
	// that takes 50 ms is worth 2.5 %.
	clockInterval = 2 * time.Second
)

// clocks are what the workers' clocks showed at a time.
type clocks struct {
	asked time.Time
	of    map[string]reading // by worker
}

type reading struct {
	worker string // for people
	shows  time.Duration
	came   time.Time
	wall   time.Time // what its wall clock shows; zero: it does not say
}

// readClocks asks the workers. Nobody that tells is no error.
func (e *examination) readClocks(ctx context.Context) clocks {
	c := clocks{asked: time.Now(), of: map[string]reading{}}
	answers, err := fleet.Stats(ctx, e.nc)
	if err != nil {
		return c // lookAtWorkers says why
	}
	for _, a := range answers {
		if shows, wall := clockOf(a.Said); shows > 0 {
			c.of[a.Said.ID] = reading{endpoint{id: a.Said.ID, host: a.Said.Metadata[worker.MetadataHost]}.worker(), shows, a.Came, wall}
		}
	}
	return c
}

// clockOf returns what a worker's clocks show; 0 and zero: it does not say.
func clockOf(s micro.Stats) (shows time.Duration, wall time.Time) {
	for _, p := range s.Endpoints {
		var data worker.EndpointData
		if json.Unmarshal(p.Data, &data) != nil {
			continue
		}
		shows = max(shows, data.Clock)
		if data.Wall != 0 {
			wall = time.UnixMilli(data.Wall)
		}
	}
	return shows, wall
}

// lookAtClocks looks whether the workers' clocks run as fast as ours: where keys
// are owned, strong ids rest on it. A worker showed its clock after we asked and
// before its answer came, both times; so its rate lies between two limits, and
// only what neither explains is found.
func (e *examination) lookAtClocks(ctx context.Context, first clocks) {
	if len(first.of) == 0 {
		return
	}
	if !backoff.Sleep(ctx, time.Until(first.asked.Add(clockInterval))) {
		e.skip("workers.clocks", "", context.Cause(ctx).Error(), "")
		return
	}
	second := e.readClocks(ctx)
	held := 0
	bad := false
	for _, id := range slices.Sorted(maps.Keys(first.of)) {
		was := first.of[id]
		is, ok := second.of[id]
		if !ok {
			continue
		}
		held++
		by := float64(is.shows - was.shows)
		least, most := by/float64(is.came.Sub(first.asked)), by/float64(second.asked.Sub(was.came))
		rate := 0.0
		switch {
		case least > 1+clocksApart:
			rate = least
		case most < 1-clocksApart:
			rate = most
		default:
			continue
		}
		bad = true
		e.fail("workers.clocks", "", fmt.Sprintf("the clock of worker %s runs at %.2f of the rate of this machine's clock: where keys are owned, the order of strong ids relies on clocks of one rate", was.worker, rate),
			"look at both machines' clocks: one machine may be a virtual one that was suspended, or this one's clock may be wrong; give the worker's stores no lease until they agree")
	}
	if !bad && held > 0 {
		e.ok("workers.clocks", "", fmt.Sprintf("workers whose clocks run at the rate of this machine's, within %.0f %%: %d", 100*clocksApart, held))
	}
}
