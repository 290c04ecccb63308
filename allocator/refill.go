package allocator

import (
	"errors"
	"time"
)

const (
	// refillPatience bounds an advance nobody waits for yet.
	refillPatience = 5 * time.Second

	// refillSpacing is the least time from one failed advance to the next one that
	// nobody waits for.
	refillSpacing = 100 * time.Millisecond
)

// refill is what a key needs only while an advance is under way for it. Weak.mu
// guards all of it, but for the advance while that is under way.
type refill struct {
	weak      *Weak
	key       *weakKey
	waiting   line
	deadlines deadlines
	advance   Advance

	exact     bool // the advance is for the first one in line alone, as the key had not as many ids left as were wanted
	forgotten bool // the advance began before a Forget
	cold      bool // the key has had no segment yet

	past int64 // somebody has got this id, or none: what is held must be above
}

// refillLocked makes a refill of k, which has none, with ids above a mark. It
// must be started, without the lock.
func (w *Weak) refillLocked(k *weakKey, above int64) *refill {
	r := &refill{weak: w, key: k, cold: k.stock.size == 0}
	r.deadlines = deadlines{mu: &w.mu, lines: [2]*line{&r.waiting}}
	r.advance = Advance{Ctx: w.ctx, Key: k.key(), Above: above, Done: r}
	k.refill = r
	w.underWay.Add(1) // under the lock, so that Stop does not overtake
	return r
}

// start begins an advance for the next segment; none is under way.
func (r *refill) start() {
	w, stock := r.weak, &r.key.stock
	sizes := w.config.Segments(r.advance.Key).withDefaults()
	w.mu.Lock()
	now := time.Since(w.started)
	n := max(stock.nextSize(sizes, now), r.waiting.ids)
	stock.begin(n, now)
	r.exact, r.forgotten = false, false
	// The segment is of use also when those who wait now have given up: an
	// advance that took longer than their patience would else never succeed.
	r.advance.N, r.advance.Deadline = n, time.Now().Add(refillPatience)
	r.advance.Above = max(r.advance.Above, r.waiting.above)
	if r.waiting.count > 0 && r.waiting.latest.After(r.advance.Deadline) {
		r.advance.Deadline = r.waiting.latest
	}
	r.advance.Owned, r.advance.Tenure, r.advance.Asked = w.owned, nil, r.waiting.asked
	w.mu.Unlock()
	w.counter.Start(&r.advance)
}

// startExact begins an advance for what the first one in line needs and no more,
// where the key hasn't as many ids left as the latest one was for. It is false
// where that would be of no use.
func (r *refill) startExact() bool {
	w := r.weak
	w.mu.Lock()
	ok := !r.exact && r.waiting.count > 0 && r.waiting.head.N < r.advance.N
	if ok {
		r.exact, r.advance.N = true, r.waiting.head.N
	}
	w.mu.Unlock()
	if ok {
		w.counter.Start(&r.advance)
	}
	return ok
}

// Advanced puts ids in stock and serves those who wait, in order: see
// [Advancer]. While somebody still waits, another advance begins.
func (r *refill) Advanced(a *Advance, ids Range, err error) {
	if errors.Is(err, ErrExhausted) && r.startExact() {
		return
	}
	w, k := r.weak, r.key
	outOfTime := a.Ended(time.Now())
	if err != nil && w.ctx.Err() != nil {
		err, outOfTime = ErrStopped, false
	}
	var served []grant
	var failed line

	w.mu.Lock()
	expired := r.waiting.takeExpired(time.Now()) // expire may not have come to run yet
	k.stock.failed = err != nil
	gap := k.stock.held()
	switch {
	case err != nil:
	case r.forgotten:
		w.observer.Skipped(k.store.name, ids.N, GapRevoked)
	case !w.adoptLocked(a.Tenure):
		w.observer.Skipped(k.store.name, ids.N, GapTenure)
	default:
		gap = k.stock.held() // with a new Tenure there is nothing left
		k.stock.add(ids)
		gap += ids.N - w.skipLocked(k, r.past, GapOvertaken)
		r.cold = false
		w.observer.Segment(k.store.name, ids.N)
	}
	for r.waiting.count > 0 && w.holdsLocked() {
		gap -= w.skipLocked(k, r.waiting.head.Above, GapPeriod)
		ids, ok := k.stock.take(r.waiting.head.N)
		if !ok {
			break
		}
		served = append(served, grant{r.waiting.pop(), ids})
		gap -= ids.N
	}
	if gap -= k.stock.held(); gap > 0 {
		w.observer.Skipped(k.store.name, gap, GapRemainder)
	}
	lost, _ := errors.AsType[*LostRace](err)
	switch {
	case err == nil:
	case lost != nil:
		// Who has come with word that the winner does not take it waits for the next
		// advance, unless that was this one.
		failed = r.waiting.takeIf(func(r *Request) bool { return r.Asked != lost.Winner || a.Asked == lost.Winner })
		if w.owned && r.waiting.count == 0 {
			w.lostLocked(k, lost.Winner)
		}
	case errors.Is(err, ErrExhausted):
		failed = r.waiting.takeLarge(a.N, a.Above) // a smaller request may still be served
	case outOfTime: // who is left came later and has more patience
	default:
		failed = r.waiting.take()
	}
	again := r.waiting.count > 0
	if !again {
		k.refill = nil
		r.deadlines.stopLocked()
	}
	w.mu.Unlock()

	expired.serve(Range{}, ErrExpired)
	for _, g := range served {
		g.r.Waiter.Allocated(g.r, g.ids, nil)
	}
	failed.serve(Range{}, err)
	if again {
		r.start()
	} else {
		w.underWay.Done()
	}
}

type grant struct {
	r   *Request
	ids Range
}
