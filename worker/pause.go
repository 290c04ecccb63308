package worker

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/internal/backoff"
)

// pulse tells how long ago a message that is handled now may have come. A
// process that was stopped finds requests in its socket and its queues which have
// waited there for as long as it stood still, and whose callers may have gone;
// nothing on them says so.
//
// It beats while the process runs. A beat says: what is handled from now on came
// after it. If the latest one is older than maxSilence, the process stood still,
// and whatever it handles may have come right after that beat. The next beat is
// only made when all that had come by then has been handled.
//
// The zero value has not begun to beat: then everything has just come.
type pulse struct {
	latest atomic.Int64 // nanoseconds since the worker started; 0: none yet
}

const (
	beatInterval = 50 * time.Millisecond

	// maxSilence is how old a request may be taken for a new one. It is above the
	// delays of a busy machine and below most callers' patience.
	maxSilence = 250 * time.Millisecond
)

// arrival returns the earliest time at which a message handled now may have
// come, both as times since the worker started.
func (p *pulse) arrival(now time.Duration) time.Duration {
	if latest := time.Duration(p.latest.Load()); latest > 0 && now-latest > maxSilence {
		return latest
	}
	return now
}

// age returns how old the latest beat is; 0 if there was none.
func (p *pulse) age(now time.Duration) time.Duration {
	if latest := time.Duration(p.latest.Load()); latest > 0 {
		return now - latest
	}
	return 0
}

// beat is called with the time, in intervals. After a silence it has caughtUp
// block until what had come when it was called has been handled, and returns how
// long the silence was.
func (p *pulse) beat(now time.Duration, caughtUp func()) (silence time.Duration) {
	if latest := time.Duration(p.latest.Load()); latest > 0 && now-latest > maxSilence {
		silence = now - latest
		caughtUp()
	}
	// Not the time when it caught up: it may have stood still again meanwhile.
	p.latest.Store(int64(now))
	return silence
}

// watchPauses keeps the worker's pulse until ctx ends.
func (w *Worker) watchPauses(ctx context.Context) {
	suspended := newSuspension(drift)
	for {
		w.pauseLoop.turn(w)
		silence := w.pulse.beat(time.Since(w.started), func() { w.catchUp(ctx) })
		if silence > 0 {
			w.pauses.Add(1)
			w.complain("this process stood still; requests whose callers may have gone were refused", "for", silence.Round(time.Millisecond))
		}
		if slept := suspended.since(); slept > maxDrift {
			w.suspended(slept)
		}
		if !backoff.Sleep(ctx, beatInterval) {
			return
		}
	}
}

// catchUp blocks until every message has been handled that the server had sent
// when it was called, or until ctx ends.
func (w *Worker) catchUp(ctx context.Context) {
	// The answer to a ping comes behind everything that was sent before it. While
	// NATS is away there is none, and no message either.
	for w.conn().FlushTimeout(probeTimeout) != nil {
		w.pauseLoop.turn(w)
		if !backoff.Sleep(ctx, beatInterval) {
			return
		}
	}
	for _, handled := range w.handledAll() {
		for !handled() {
			if !backoff.Sleep(ctx, drainPoll) {
				return
			}
		}
	}
}

// handledAll returns functions that report whether all messages have been handled
// which are with us now: requests, those that are handed over, and words about
// those that we have handed over.
func (w *Worker) handledAll() (all []func() bool) {
	for _, st := range w.sortedStores() {
		st.mu.Lock()
		sub := st.sub
		st.mu.Unlock()
		all = append(all, handledAll(sub))
	}
	for _, h := range w.heard() {
		if h.work {
			all = append(all, handledAll(h.sub.Load()))
		}
	}
	return all
}

// handledAll returns a function that reports whether all messages which sub has
// now have been handled.
func handledAll(sub *nats.Subscription) func() bool {
	if sub == nil {
		return func() bool { return true }
	}
	count := func(sub *nats.Subscription) (begun int64, left int) {
		// In this order: what is handled between the two would else be missing from
		// the sum below, and we would be content too early.
		left, _, _ = sub.Pending() // fails only if the subscription is closed: then nothing is left
		begun, _ = sub.Delivered()
		return begun, max(left, 0)
	}
	begun, left := count(sub)
	all := begun + int64(left) // the one that is being handled is in both
	return func() bool {
		begun, left := count(sub)
		return left == 0 || begun >= all
	}
}

// arrival returns the earliest time at which a message handled now may have
// come.
func (w *Worker) arrival(now time.Time) time.Time {
	age := now.Sub(w.started)
	if since := w.pulse.arrival(age); since != age {
		return w.started.Add(since)
	}
	return now
}

// stale reports whether the caller has stopped waiting, as far as we know. One
// that names no patience has MaxPatience if its request may have waited before
// it came here.
func (w *Worker) stale(a *asked, handled time.Time) bool {
	if a.timeout == 0 {
		return handled.Sub(a.arrived) >= w.config.MaxPatience
	}
	return a.outlived(time.Now())
}
