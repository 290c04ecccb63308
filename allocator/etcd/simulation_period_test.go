package etcd_test

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/allocator/etcd"
)

// planNumbers decides which requests are made once, and whether keys count in
// periods, by dice of its own.
func (p *plan) planNumbers(d *rand.Rand) {
	p.once = []int{0, 15, 60}[d.IntN(3)]
	if p.once > 0 && p.maxOps > 0 { // as many compares as there are, with an answer's
		p.maxOps = max(p.maxOps, 2)
		if p.lease > 0 {
			p.maxOps = max(p.maxOps, 4)
		}
	}
	if d.IntN(2) == 0 {
		return
	}
	p.period = []time.Duration{500 * time.Millisecond, 3 * time.Second, 15 * time.Second}[d.IntN(3)]
	p.apart = []time.Duration{0, p.period / 2, 40 * time.Second}[d.IntN(3)]
}

// planLimits has numbers end, in worlds where ids do.
func (p *plan) planLimits(d *rand.Rand) {
	p.limits = map[allocator.Key]int64{}
	for _, key := range p.keys {
		if p.numbered(key) && p.kind == ending {
			delete(p.starts, key)
			p.limits[key] = p.floors[key] + 100 + d.Int64N(2000)
		}
	}
}

// numbered reports whether a key counts in periods.
func (p *plan) numbered(key allocator.Key) bool {
	return p.period > 0 && (key.Name[len(key.Name)-1]-'0')%2 == 0
}

// floor returns the id that all are above, of the period that a mark is in.
func (p *plan) floor(key allocator.Key, mark int64) int64 {
	if !p.numbered(key) {
		return p.floors[key]
	}
	period, _ := allocator.SplitMark(mark)
	return period.Mark(p.floors[key])
}

// periodAt returns the period that begins at a time or before.
func (w *world) periodAt(now time.Time) allocator.Period {
	return 1 + allocator.Period((now.Sub(w.began)+time.Hour)/w.plan.period)
}

func (w *world) counting(key allocator.Key) etcd.Counting {
	if !w.plan.numbered(key) {
		return etcd.Counting{}
	}
	return etcd.Counting{Limit: w.plan.limits[key], Period: w.periodAt}
}

// above returns what a request for a key must be above, by the worker's clock.
func (sw *simWorker) above(key allocator.Key) int64 {
	if !sw.plan.numbered(key) {
		return 0
	}
	off := time.Duration(0)
	if sw.plan.apart > 0 {
		off = upTo(dice(sw.plan.seed, "calendar", sw.number), sw.plan.apart)
	}
	return sw.periodAt(time.Now().Add(off)).Mark(0)
}

// checkPeriod holds a request's ids against the period that had begun by the clock
// of who answers it.
func (w *world) checkPeriod(c *call, op allocatortest.Op) {
	if !w.plan.numbered(op.Key) {
		return
	}
	asked, _ := allocator.SplitMark(c.Above)
	first, _ := allocator.SplitMark(op.Ids.First)
	last, id := allocator.SplitMark(op.Ids.Last())
	if first != last || first < asked && !c.Replayed || id > w.limitOf(op.Key) {
		w.t.Errorf("%v, of period %d to %d up to %d, when period %d had begun", op, first, last, id, asked)
	}
	if first > asked {
		w.tally.add("clock behind")
	}
}

// limitOf returns the greatest id, of a period if there are any.
func (w *world) limitOf(key allocator.Key) int64 {
	switch limit := w.plan.limits[key]; {
	case limit > 0:
		return limit
	case w.plan.numbered(key):
		return allocator.MaxPeriodID
	}
	return math.MaxInt64
}

// ended reports whether nothing is left of a key, in the period that it is in.
func (w *world) ended(key allocator.Key) bool {
	mark := w.mark(key)
	if !w.plan.numbered(key) {
		return mark == math.MaxInt64
	}
	period, _ := allocator.SplitMark(mark)
	return mark == period.Mark(w.limitOf(key))
}

// hadFewer reports whether a key had fewer than n ids left at some time.
func (w *world) hadFewer(key allocator.Key, n int) bool {
	for _, write := range w.server.Writes() {
		if write.Path == pathOf(key) {
			last := recordIn(write.Value).Last
			if w.plan.numbered(key) {
				_, last = allocator.SplitMark(last)
			}
			if last > w.limitOf(key)-int64(n) {
				return true
			}
		}
	}
	return false
}

// verdictPeriod: a period never goes back, none begins that no clock has come to,
// and none has more than its ids.
func (w *world) verdictPeriod(key allocator.Key, last, mark int64) {
	was, _ := allocator.SplitMark(last)
	is, id := allocator.SplitMark(mark)
	if latest := w.periodAt(time.Now().Add(w.plan.apart)); is < was || is > latest || is == 0 || id > w.limitOf(key) {
		w.t.Errorf("%v: from %d in period %d to %d in period %d; the latest is %d, and the greatest id %d", key, last, was, id, is, latest, w.limitOf(key))
	}
	if is > was && was > 0 {
		w.tally.add("period begun")
	}
}
