package doctor

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// wallClocksApart is how far the clocks of workers that count in periods may be
// apart.
const wallClocksApart = time.Minute

// lookAtWallClocks looks whether workers whose keys count in periods agree on the
// time of day: a period begins, for all, by the clock that is ahead.
func (e *examination) lookAtWallClocks(c clocks) {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(c.of)) {
		if !c.of[id].wall.IsZero() {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return
	}
	ahead := func(id string) time.Duration { r := c.of[id]; return r.wall.Sub(r.came) } // of ours, less what its answer took
	byAhead := func(a, b string) int { return int(ahead(a) - ahead(b)) }
	last, first := slices.MinFunc(ids, byAhead), slices.MaxFunc(ids, byAhead)
	apart := ahead(first) - ahead(last)
	if apart > wallClocksApart {
		e.fail("workers.wallclocks", "", fmt.Sprintf("the clock of worker %s is %v ahead of that of worker %s: periods begin when the clock that is ahead says so", c.of[first].worker, apart.Round(time.Second), c.of[last].worker),
			"have NTP set both machines' clocks; chronyc tracking or timedatectl shows which one is wrong")
		return
	}
	e.ok("workers.wallclocks", "", fmt.Sprintf("workers that count in periods and whose clocks agree within a minute: %d", len(ids)))
}
