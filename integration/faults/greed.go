package faults

import (
	"fmt"
	"sync"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/integration/servers"
)

// What one store does while it asks for more than there is: more requests are under way
// than all workers have places for, each for a key of its own.
const (
	greedyStore   = "orders"
	greedyPlaces  = 512 // of a worker: an eighth of them is more than there are other callers
	greedyCallers = 3*greedyPlaces + 200
	greedyKeys    = 4_000
	greedyFarAway = 100 * time.Millisecond // etcd is, so that places are long taken
)

// askGreedily has one store ask for more than the workers have places for.
func askGreedily(r *run) {
	for _, w := range r.workers {
		w.setLinks(func(p *servers.Proxy) { p.Delay(greedyFarAway) })
	}
	from := r.record.history.Now()
	keys := make(chan int)
	var wg sync.WaitGroup
	for i := range greedyCallers {
		c := r.load.conns[i%len(r.load.conns)]
		wg.Go(func() {
			for k := range keys {
				a := ask{n: 1}
				a.Client, a.Strong = extraCaller+i, true
				a.Key = allocator.Key{Store: greedyStore, Name: fmt.Sprintf("greed%06d", k)}
				for !c.askFor(a, noPatience, 0) && r.Context().Err() == nil {
					r.during(50 * time.Millisecond) // as BUSY says, at least
				}
			}
		})
	}
	for k := range greedyKeys {
		keys <- k
	}
	close(keys)
	wg.Wait()
	for _, w := range r.workers {
		w.setLinks((*servers.Proxy).Heal)
	}
	own, others, ids := 0, 0, 0
	for _, a := range r.record.all() {
		switch {
		case a.Start < from:
		case a.outcome == "BUSY" && a.Key.Store == greedyStore:
			own++
		case a.outcome == "BUSY":
			others++
		case a.outcome == "" && a.Key.Store != greedyStore:
			ids++
		}
	}
	r.checkf(others == 0, "%d requests of other stores were BUSY", others)
	r.checkf(ids > 0, "other stores got no ids meanwhile")
	r.notef("%d callers asked for %s; %d of their requests were BUSY, and %d of other stores; those got ids %d times meanwhile", greedyCallers, greedyStore, own, others, ids)
}
