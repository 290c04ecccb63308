package worker

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/internal/backoff"
	"github.com/seqd-io/seqd/numbering"
	"github.com/seqd-io/seqd/subjects"
)

// Periods begin by the clock of the worker that is first to reach them. One that is
// ahead of the others begins them early, for all; so workers whose keys count in
// periods ask each other for the time. Nothing rests on the answers: they are for
// people, who can set a clock right.

// clockSubject is what all workers are asked for the time on.
const clockSubject = subjects.PeerRoot + ".clock"

const (
	clockEvery    = time.Minute
	clockPatience = time.Second // that answers are waited for
	maxApart      = time.Minute // that clocks may be apart
)

// clocks is what a worker knows of the others' clocks. The zero value is ready.
type clocks struct {
	mu     sync.Mutex
	reply  string    // that answers come to; "": none are awaited
	sent   time.Time // when they were asked for
	wall   time.Time // what our clock showed then
	offset time.Duration
	whose  string // who is furthest away

	latest time.Duration // of the last round; of another worker's clock, less ours
	warned bool
}

// asksForTime reports whether some store's keys may count in periods.
func (w *Worker) asksForTime() bool {
	for _, st := range w.stores {
		if st.Numbers != nil {
			return true
		}
	}
	return false
}

// tellTime answers another worker.
func (w *Worker) tellTime(m *nats.Msg) {
	if !w.canAnswer(m.Reply) {
		return
	}
	if err := w.conn().Publish(m.Reply, []byte(strconv.FormatInt(w.config.Now().UnixNano(), 10)+" "+w.config.ID)); err != nil {
		w.answers.lost(err)
	}
}

// hears takes what another worker's clock showed, if m tells that.
func (c *clocks) hears(m *nats.Msg) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reply == "" || m.Subject != c.reply {
		return false
	}
	text, id, ok := strings.Cut(string(m.Data), " ")
	shown, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil {
		return true
	}
	// It was read half way between question and answer, as far as we know.
	ours := c.wall.Add(time.Since(c.sent) / 2)
	if offset := time.Unix(0, shown).Sub(ours.Round(0)); offset.Abs() > c.offset.Abs() {
		c.offset, c.whose = offset, id
	}
	return true
}

// watchClocks compares clocks every minute until ctx ends.
func (w *Worker) watchClocks(ctx context.Context) {
	if !w.asksForTime() {
		return
	}
	for {
		wait := clockEvery
		if !w.connected.Load() || !w.compareClocks(ctx) {
			wait = clockPatience
		}
		if !backoff.Sleep(ctx, wait) {
			return
		}
	}
}

// compareClocks asks all workers for the time; it is false if it could not.
func (w *Worker) compareClocks(ctx context.Context) bool {
	c, reply := &w.clocks, w.newReply()
	c.mu.Lock()
	c.reply, c.sent, c.wall, c.offset, c.whose = reply, time.Now(), w.config.Now(), 0, ""
	c.mu.Unlock()
	err := w.conn().PublishRequest(clockSubject, reply, nil)
	heard := err == nil && backoff.Sleep(ctx, clockPatience)
	c.mu.Lock()
	c.reply = ""
	if !heard {
		c.mu.Unlock()
		return false
	}
	c.latest = c.offset
	apart, whose, before := c.offset, c.whose, c.warned
	c.warned = apart.Abs() > maxApart
	warned := c.warned
	c.mu.Unlock()
	switch {
	case warned && !before:
		w.log.Warn("another worker's clock is not as ours: periods begin by the clock that is ahead", "other", whose, "ahead", apart.Round(time.Millisecond), "hint", clockHint)
	case before && !warned:
		w.log.Info("the workers' clocks agree again")
	}
	return true
}

const clockHint = "set the machines' clocks by NTP (chronyc tracking, timedatectl)"

// clockOffset returns how far the clock that is furthest away is ahead of ours; less
// than 0: behind.
func (c *clocks) clockOffset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.latest
}

// early warns if ids that were asked for above a mark are of a period that our clock
// is more than a minute away from: another worker's has begun it.
func (w *Worker) early(ids allocator.Range, above int64, rule *numbering.Rule) {
	if rule == nil || !rule.Periodic() {
		return
	}
	p, _ := allocator.SplitMark(ids.First)
	if wanted, _ := allocator.SplitMark(above); p <= wanted || rule.Period(w.config.Now().Add(maxApart)) >= p {
		return
	}
	w.complain("a key is in a period that this worker's clock has not reached: this clock is behind, or another worker's ahead", "period", rule.Label(p), "hint", clockHint)
}
