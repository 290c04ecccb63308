package worker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/internal/backoff"
	"github.com/seqd-io/seqd/internal/histogram"
)

// lease keeps a backend's session, for as long as this worker serves: it renews
// it every third of the lease, and lets go of it as soon as a leased store has
// left the queue group. Before each renewal the worker proves to itself that it
// serves, so that one which does not loses its keys, and others serve them.
type lease struct {
	w      *Worker
	b      *backend
	length time.Duration // 0: nothing is owned
	stores []*store      // that are leased
	loop   loop          // keep's
	kick   chan struct{} // has room for one: look soon

	departures atomic.Int64 // of leased stores from the queue group, and of the machine from time
	renewed    atomic.Int64 // when the latest renewal that succeeded was sent, as nanoseconds since the worker started; 0: none, or let go of

	renewals, failed, held atomic.Int64
	gap                    histogram.Durations
}

func newLease(w *Worker, b *backend) *lease {
	return &lease{w: w, b: b, length: b.Lease, kick: make(chan struct{}, 1)}
}

// look has keep look without waiting for its time.
func (l *lease) look() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// left notes that a leased store has left the queue group.
func (l *lease) left() {
	l.departures.Add(1)
	l.look()
}

// holds reports whether this worker may own keys, as far as is known here. The
// Counter, which decides that, may have stopped a moment earlier.
func (l *lease) holds(now time.Time) bool {
	at := time.Duration(l.renewed.Load())
	return at > 0 && now.Sub(l.w.started)-at < l.length
}

// lost reports whether this worker can own nothing for now: it has not been able
// to renew, and can't write to the Counter. Others can, perhaps.
func (l *lease) lost(now time.Time) bool { return !l.holds(now) && l.b.health() != nil }

// serves reports whether a leased store is in the queue group.
func (l *lease) serves() bool {
	if l.w.draining.Load() || !l.w.connected.Load() {
		return false
	}
	for _, st := range l.stores {
		if st.currentState() == Serving {
			return true
		}
	}
	return false
}

func (l *lease) every() time.Duration { return l.length / 3 }
func (l *lease) retry() time.Duration { return l.length / 20 }

// keep keeps the session until ctx ends. Then it is still there.
func (l *lease) keep(ctx context.Context) {
	for _, st := range l.b.stores {
		if st.Leased {
			l.stores = append(l.stores, st)
		}
	}
	if l.length == 0 || len(l.stores) == 0 {
		return
	}
	seen := l.departures.Load()
	owns := false // a session may be there
	var due time.Time
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-l.kick:
		}
		l.loop.turn(l.w)
		now := l.departures.Load()
		if owns && (now != seen || !l.serves()) {
			l.emptied(ctx)
			owns, due = l.letGo(ctx) != nil, time.Time{}
		}
		seen = now
		wait := l.every()
		switch {
		case !l.serves():
			if owns {
				wait = l.retry() // to let go
			}
		case time.Now().Before(due):
			wait = time.Until(due)
		default:
			sent := time.Now()
			owns = true
			if l.renew(ctx) == nil {
				due = sent.Add(l.every())
				wait = time.Until(due)
			} else {
				due, wait = time.Time{}, l.retry()
			}
		}
		timer.Reset(max(wait, 0))
	}
}

// renew renews the session, if this worker serves.
func (l *lease) renew(ctx context.Context) error {
	if err := l.prove(ctx); err != nil {
		if ctx.Err() == nil {
			l.held.Add(1)
			l.w.complain("the lease is not renewed, as this worker does not seem to serve; others take over what it owns", "backend", l.b.Name, "err", err,
				"hint", fmt.Sprintf("if it does, allow this user to publish to and to hear %q", l.w.probeSubject()))
		}
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, l.every())
	defer cancel()
	sent := time.Since(l.w.started)
	if err := l.b.issuer.Renew(ctx); err != nil {
		if !errors.Is(err, context.Canceled) {
			l.failed.Add(1)
			l.w.complain("the lease can't be renewed; trying again", "backend", l.b.Name, "err", err)
		}
		return err
	}
	if before := l.renewed.Swap(int64(sent)); before != 0 {
		l.gap.Observe(sent - time.Duration(before))
	}
	l.renewals.Add(1)
	return nil
}

var errStuck = errors.New("a subscription has handled nothing")

// prove returns an error if what others hand over does not reach this worker, or
// a leased store's requests are not handled.
func (l *lease) prove(ctx context.Context) error {
	if l.w.answers.askedOnly.Load() {
		return errAskedOnly
	}
	ctx, cancel := context.WithTimeout(ctx, l.length/4)
	defer cancel()
	var progress []func() bool
	for _, st := range l.stores {
		st.mu.Lock()
		sub := st.sub
		st.mu.Unlock()
		progress = append(progress, progressed(sub))
	}
	if _, err := l.w.ask(ctx, l.w.probeSubject(), nil); err != nil {
		return fmt.Errorf("no answer from ourselves: %w", err)
	}
	for _, done := range progress {
		for !done() {
			if !backoff.Sleep(ctx, drainPoll) {
				return errStuck
			}
		}
	}
	return nil
}

// progressed returns a function that reports whether sub has begun to handle
// another message since, or has none.
func progressed(sub *nats.Subscription) func() bool {
	if sub == nil {
		return func() bool { return true }
	}
	before, _ := sub.Delivered()
	return func() bool {
		now, _ := sub.Delivered()
		return now != before || pending(sub) <= 0
	}
}

// emptied waits a little until what leased stores had got when they left the
// queue group is handled.
func (l *lease) emptied(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, l.retry())
	defer cancel()
	for _, st := range l.stores {
		for !st.emptied() {
			if !backoff.Sleep(ctx, drainPoll) {
				return
			}
		}
	}
}

// letGo has others own what this worker owns.
func (l *lease) letGo(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, letGoTimeout)
	defer cancel()
	l.renewed.Store(0)
	err := l.b.issuer.LetGo(ctx)
	if err != nil && ctx.Err() == nil {
		l.w.complain("can't tell the others that this worker owns nothing any more; they will find out", "backend", l.b.Name, "err", err)
	}
	return err
}

// letGoAll has others own what this worker owns, once what was handed over to it
// or waits for keys that it owns is answered.
func (w *Worker) letGoAll(ctx context.Context) {
	for _, h := range w.heard() {
		if !h.work {
			continue
		}
		for handled := handledAll(h.sub.Load()); !handled() && backoff.Sleep(ctx, drainPoll); {
		}
	}
	for _, b := range w.backends {
		if b.lease.length == 0 {
			continue
		}
		for b.owing.Load() > 0 && backoff.Sleep(ctx, drainPoll) {
		}
		if err := b.lease.letGo(context.WithoutCancel(ctx)); err != nil {
			w.log.Warn("this worker's keys are not let go of; others take them over when its lease has ended", "backend", b.Name, "err", err)
		}
	}
}

func (l *lease) snapshot(s *BackendSnapshot) {
	if l.length == 0 {
		return
	}
	s.Lease = l.length
	s.OwnedKeys, s.LeaseLeft = l.b.issuer.OwnedKeys(), l.b.issuer.LeaseLeft()
	s.Renewals, s.RenewalsFailed, s.RenewalsHeld = l.renewals.Load(), l.failed.Load(), l.held.Load()
	s.RenewalGap = l.gap.Snapshot()
}
