package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/internal/backoff"
	"github.com/seqd-io/seqd/subjects"
)

// bar is why stores may not be in the queue group, whatever their counters say.
type bar struct {
	state State  // Denied; or Starting: NATS has not been asked yet
	msg   string // constant, for the log
	why   error  // NATS's words
	hint  string
}

// How often what NATS refuses is asked for again.
const (
	natsEvery = time.Second
	hearEvery = 10 * time.Second // a worker does without, and nats-server logs each refusal
)

// natsSpacing is the least time between two looks: refusals may come by the
// thousand.
const natsSpacing = 20 * time.Millisecond

// lookSoon has watchNATS look without waiting for its time.
func (w *Worker) lookSoon() {
	select {
	case w.natsKick <- struct{}{}:
	default:
	}
}

// watchNATS keeps the worker connected and its hearings heard, and the stores
// out of the queue group while NATS refuses what it takes to serve them, until
// ctx ends.
func (w *Worker) watchNATS(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-w.natsKick:
		}
		w.natsLoop.turn(w)
		if w.conn().IsClosed() {
			w.connectAnew()
		}
		if lame := w.lame.Load(); lame != nil && (lame != w.conn() || w.move(ctx, lame) || !lame.IsConnected()) {
			w.lame.CompareAndSwap(lame, nil) // else it is tried again until the server has stopped
		}
		if w.connected.Load() {
			w.settle(ctx)
		}
		if !backoff.Sleep(ctx, natsSpacing) {
			return
		}
		timer.Reset(natsEvery)
	}
}

// connectAnew replaces a connection that nats.go has given up for good.
func (w *Worker) connectAnew() {
	old := w.conn()
	w.lose()
	nc, err := w.connect()
	if err != nil {
		w.complain("can't open another connection to NATS; trying again", "err", err)
		return
	}
	// What the old connection's handlers still have to say concerns nobody now;
	// the new one's may have come too early to be believed.
	if w.nc.CompareAndSwap(old, nc); nc.IsConnected() {
		w.noteConnected(nc)
	}
}

// settle asks NATS for the hearings that it does not have, finds out whether
// answers get through, where that is in doubt, and has those stores enter the
// queue group that were only waiting for this.
func (w *Worker) settle(ctx context.Context) {
	nc := w.conn()
	err := w.hear(nc)
	switch {
	case errors.Is(err, nats.ErrMaxSubscriptionsExceeded):
		w.exclude(w.limitBar(err))
		return
	case err != nil:
		return // the connection is going
	}
	if !nc.HeadersSupported() { // errors have some: nobody would hear of one
		w.exclude(&bar{Denied, "NATS takes no headers: not serving the store; trying again", errNoHeaders, "take no_header_support out of nats-server's configuration, and restart it"})
		return
	}
	if most := nc.MaxPayload(); most < LeastPayload {
		w.exclude(&bar{Denied, "NATS takes no message as large as an answer: not serving the store; trying again",
			fmt.Errorf("max_payload is %d bytes, and an answer has up to %d", most, LeastPayload), "raise nats-server's max_payload; its default is 1 MB"})
		return
	}
	if err := w.tryAnswer(ctx, nc); err != nil {
		w.exclude(&bar{Denied, "NATS refuses this worker's answers: not serving the store; trying again",
			err, `allow this user to publish to callers' inboxes, "_INBOX.>"`})
		return
	}
	if w.bar.Swap(nil) != nil {
		for _, b := range w.backends {
			b.probeSoon() // and so its stores join
		}
	}
	var waiting []*store
	for _, st := range w.sortedStores() {
		if st.currentState() == Disconnected { // for want of NATS alone
			waiting = append(waiting, st)
		}
	}
	w.join(waiting...)
	w.noteReady()
}

// hear asks NATS for the hearings that it does not have. Without one that is not
// permitted a worker still serves; the error is that there is no room for all of
// them, or that the connection is going.
func (w *Worker) hear(nc *nats.Conn) error {
	anew := w.anew.Swap(false)
	var missing []subscription
	for _, h := range w.heard() {
		if h.sub.Load() == nil && (anew || time.Now().After(h.again)) {
			missing = append(missing, h)
		}
	}
	verdicts := w.subscribe(nc, missing...)
	for i, err := range verdicts {
		h := missing[i].(*hearing)
		h.refused, h.again = err, time.Time{}
		switch {
		case errors.Is(err, nats.ErrPermissionViolation):
			h.again = time.Now().Add(hearEvery)
		case err != nil:
			return err
		}
	}
	w.noteUnheard()
	return nil
}

// exclude has all stores leave the queue group for what b says.
func (w *Worker) exclude(b *bar) {
	w.bar.Store(b)
	for _, st := range w.sortedStores() {
		switch st.currentState() {
		case Starting, Serving, Disconnected, Denied:
			st.deny(b)
		}
	}
}

// join enters the queue group for stores, where NATS lets it.
func (w *Worker) join(stores ...*store) {
	b := w.bar.Load()
	for _, st := range stores {
		switch {
		case !w.connected.Load():
			st.leave(Disconnected) // and so it comes back with NATS
		case b != nil && b.state == Denied:
			st.deny(b)
		}
	}
	if b != nil || !w.connected.Load() || len(stores) == 0 {
		return // settle sees to it
	}
	subs := make([]subscription, len(stores))
	for i, st := range stores {
		subs[i] = st
	}
	for i, err := range w.subscribe(w.conn(), subs...) {
		st := stores[i]
		switch {
		case err == nil:
			if st.joined() {
				st.backend.log.Info("joined the queue group", "store", st.Name, "subject", st.subject)
			}
		case errors.Is(err, nats.ErrMaxSubscriptionsExceeded):
			st.deny(w.limitBar(err))
		case errors.Is(err, nats.ErrPermissionViolation):
			st.deny(st.refusedBar(err))
		case w.conn().IsConnected():
			w.complain("can't join the queue group; trying again", "store", st.Name, "err", err)
		}
	}
}

// subscriptionRefused hears of a refusal. subscribe has heard of it, too, unless
// NATS takes back what it had allowed.
func (w *Worker) subscriptionRefused(err error) {
	for _, st := range w.sortedStores() {
		if refuses(err, st) {
			st.deny(st.refusedBar(err))
			return
		}
	}
	for _, h := range w.heard() {
		if refuses(err, h) {
			h.drop()
			return
		}
	}
	w.complain("NATS refuses a subscription", "err", err)
}

const refusedMsg = "NATS refuses the subscription: not serving the store; trying again"

func (w *Worker) limitBar(err error) *bar {
	return &bar{Denied, refusedMsg, err, fmt.Sprintf("a worker of these stores needs %d subscriptions: raise max_subscriptions of nats-server, or of the user's account",
		w.subscriptions())}
}

func (st *store) refusedBar(err error) *bar {
	return &bar{Denied, refusedMsg, err, fmt.Sprintf("allow this user to subscribe to %q", st.subject+" "+subjects.Queue)}
}
