package worker

import (
	"context"
	"sync"
	"time"
)

// lostRaces are the requests that turn out to be another worker's on goroutines
// which may not wait: see call.Allocated.
type lostRaces struct {
	kick chan struct{} // has room for one: some have come

	mu      sync.Mutex
	come    []lostRace
	spare   []lostRace
	stopped bool
}

type lostRace struct {
	c      *call
	winner string
}

// add has c handed over to winner soon.
func (l *lostRaces) add(c *call, winner string) {
	l.mu.Lock()
	stopped := l.stopped
	if !stopped {
		l.come = append(l.come, lostRace{c, winner})
	}
	first := len(l.come) == 1
	l.mu.Unlock()
	if stopped {
		c.goOn(winner)
	} else if first {
		select {
		case l.kick <- struct{}{}:
		default:
		}
	}
}

func (l *lostRaces) take() []lostRace {
	l.mu.Lock()
	defer l.mu.Unlock()
	come := l.come
	l.come, l.spare = l.spare[:0], nil
	return come
}

// run hands over what has come while it handed over what came before, until ctx
// ends. From then on what comes is served here.
func (h *handovers) run(ctx context.Context) {
	l, out := &h.lost, outboxes{w: h.w}
	for ctx.Err() == nil {
		select {
		case <-l.kick:
		case <-ctx.Done():
		}
		come, now := l.take(), time.Now()
		for _, lost := range come {
			if !lost.c.store.Leased && h.isNobody(lost.winner, now) {
				lost.c.goOn(lost.winner)
			} else {
				out.add(lost.c, lost.winner, now)
			}
		}
		out.flush()
		clear(come)
		l.mu.Lock()
		l.spare = come
		l.mu.Unlock()
	}
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	for _, lost := range l.take() {
		lost.c.goOn(lost.winner)
	}
}

// Records name who wrote them last long after that one has ended. It is asked
// once, and then not for a while.
const (
	nobodyFor = 10 * time.Second
	maxNobody = 1024
)

func (h *handovers) noteNobody(peer string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.nobody == nil || len(h.nobody) >= maxNobody {
		h.nobody = map[string]time.Time{}
	}
	h.nobody[peer] = time.Now()
}

func (h *handovers) isNobody(peer string, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, ok := h.nobody[peer]
	return ok && now.Sub(at) < nobodyFor
}
