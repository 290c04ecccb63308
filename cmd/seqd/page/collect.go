package page

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/seqd-io/seqd/cmd/seqd/fleet"
)

const (
	viewFor        = time.Second      // how long a view is given to all who look
	collectTimeout = 5 * time.Second  // bound on asking
	forgetAfter    = 10 * time.Second // what was counted before tells no rate of now
	infosFor       = 15 * time.Second // what workers serve changes seldom
)

// collector makes the view that all who look are given. It makes one when
// somebody looks and the latest is old: nobody looks, nobody is asked.
type collector struct {
	config  Config
	changes *changes
	line    *line

	ctx  context.Context // of all collections
	stop context.CancelFunc

	mu      sync.Mutex
	latest  []byte        // the view, as JSON; nil: there was none yet
	at      time.Time     // that the latest was made
	running chan struct{} // closed when the collection under way ends; nil: there is none
	ended   sync.WaitGroup

	// Of the collection under way, one after the other.
	rates   rates
	states  map[string]string // of other workers, as they were last seen; nil: they were not
	infos   []fleet.Answer[micro.Info]
	infosAt time.Time
	series  []point
}

func newCollector(config Config, c *changes) *collector {
	ctx, stop := context.WithCancel(context.Background())
	return &collector{config: config, changes: c, line: &line{connect: config.Connect, id: config.Worker.ID()}, ctx: ctx, stop: stop}
}

// close ends a collection that is under way, and the connection.
func (c *collector) close() {
	c.mu.Lock()
	c.stop()
	c.mu.Unlock()
	c.ended.Wait()
	c.line.close()
}

// look returns a view that is at most viewFor old, or as old as it takes to make
// one; nil if ctx ends before there is any.
func (c *collector) look(ctx context.Context) []byte {
	c.mu.Lock()
	if c.latest != nil && time.Since(c.at) < viewFor || c.ctx.Err() != nil {
		defer c.mu.Unlock()
		return c.latest
	}
	if c.running == nil {
		c.running = make(chan struct{})
		c.ended.Go(c.collect)
	}
	done := c.running
	c.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.latest
}

func (c *collector) collect() {
	body, err := json.Marshal(c.make())
	if err != nil {
		body, _ = json.Marshal(refusal{err.Error()})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latest, c.at = body, time.Now()
	close(c.running)
	c.running = nil
}

// make asks the others, and puts together what they say and what this worker
// knows of itself: that needs neither NATS nor etcd.
func (c *collector) make() view {
	ctx, cancel := context.WithTimeout(c.ctx, collectTimeout)
	defer cancel()
	o := c.line.ask(ctx, time.Since(c.infosAt) > infosFor)
	if o.infos != nil {
		c.infos, c.infosAt = o.infos, time.Now()
	}
	w := c.config.Worker
	now := time.Now()
	own := w.Stats()
	answers := []fleet.Answer[micro.Stats]{{Said: own, Came: now}}
	for _, a := range o.stats {
		if a.Said.ID != own.ID {
			answers = append(answers, a)
		}
	}
	infos := []fleet.Answer[micro.Info]{{Said: w.Info(), Came: now}}
	for _, a := range c.infos {
		if a.Said.ID != own.ID {
			infos = append(infos, a)
		}
	}
	measured := c.rates.add(now, answers)
	v := newView(now, measured, infos, own.ID)
	v.Asks = c.config.Asks
	snapshot := w.Snapshot()
	v.Self = newSelf(c.config, snapshot, own, &c.rates)
	v.Holds = holds(v, snapshot, c.rates.newlyLate(snapshot), o.err)
	c.note(v)
	if o.err == nil && measured.view.Total.Measured {
		c.series = append(c.series, pointOf(v))
	}
	c.series = recent(c.series, now)
	v.Series = c.series
	v.Changes = c.changes.list()
	return v
}

// note notes what has become of the other workers since they were last seen. Of
// those that are seen for the first time it says that they are there, but at the
// first look: then all are.
func (c *collector) note(v view) {
	seen := map[string]string{}
	for _, r := range v.Workers {
		if r.Self {
			continue
		}
		seen[r.Name] = r.State
		was, known := c.states[r.Name]
		if c.states != nil && (!known || was != r.State) {
			c.changes.add(change{At: v.At, Worker: r.Name, Host: r.Host, From: was, To: r.State})
		}
	}
	c.states = seen
}
