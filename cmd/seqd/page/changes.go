package page

import (
	"context"
	"sync"
	"time"

	"github.com/seqd-io/seqd/worker"
)

// change is one of a worker's state.
type change struct {
	At     time.Time `json:"at"`
	Worker string    `json:"worker"`
	Host   string    `json:"host"`
	Self   bool      `json:"self,omitempty"`
	From   string    `json:"from,omitempty"` // "": it came
	To     string    `json:"to"`
	Why    string    `json:"why,omitempty"`
}

// mostChanges is how many are kept.
const mostChanges = 50

// changes keeps the last ones. The zero value has none.
type changes struct {
	mu   sync.Mutex
	last []change // the newest last
}

func (c *changes) add(one change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = append(c.last, one)
	if over := len(c.last) - mostChanges; over > 0 {
		c.last = append(c.last[:0], c.last[over:]...)
	}
}

// list returns them, the newest first.
func (c *changes) list() []change {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]change, 0, len(c.last))
	for i := len(c.last) - 1; i >= 0; i-- {
		all = append(all, c.last[i])
	}
	return all
}

// watchEvery is how long a state that comes and goes may be missed.
const watchEvery = 200 * time.Millisecond

// watch notes the worker's own changes of state until ctx ends, whether somebody
// looks or not: whoever comes to look wants to know what was.
func (c *changes) watch(ctx context.Context, w *worker.Worker) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	id, host := w.ID(), w.Snapshot().Host
	var was worker.State
	for {
		if is := w.State(); is != was {
			c.add(change{At: time.Now(), Worker: id, Host: host, Self: true, From: string(was), To: string(is), Why: why(w, is)})
			was = is
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// why returns the first thing that a worker lacks.
func why(w *worker.Worker, is worker.State) string {
	if is == worker.Serving || is == worker.Draining {
		return ""
	}
	for _, c := range w.Checks() {
		if c.Err != nil {
			return c.Name + ": " + c.Err.Error()
		}
	}
	return ""
}
