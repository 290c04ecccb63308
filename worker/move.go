package worker

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

// A nats-server that is about to stop as planned says so, as a lame duck, and closes
// its connections some time later. Whoever waits for that loses what it answers to a
// connection that is closed already. So the worker moves: it is in the queue group
// over another server before it leaves it on the old one, and what it has in hand is
// answered over the new connection.

// moveTime bounds how long a move waits for what the old server had sent.
const moveTime = 2 * time.Second

// mover is a store's second place in the queue group, over another connection.
type mover struct {
	st     *store
	sub    *nats.Subscription
	closed chan struct{}
}

var _ subscription = (*mover)(nil)

func (m *mover) open(w *Worker, nc *nats.Conn) (err error) {
	m.sub, m.closed, err = m.st.listen(w, nc)
	return err
}

func (m *mover) drop() {
	if m.sub != nil {
		_ = m.sub.Unsubscribe() // fails only if it or the connection is closed
		m.sub = nil
	}
}

func (m *mover) topic() (subject, queue string) { return m.st.topic() }

// move has the worker leave the server of a connection, if there is another one. If
// it is false, all is as before: NATS refuses something, or no server can be reached.
// With permission to answer those only whose requests it was sent, the worker stays,
// as it could not answer what it has in hand.
func (w *Worker) move(ctx context.Context, old *nats.Conn) bool {
	if w.answers.askedOnly.Load() || !old.IsConnected() {
		return false
	}
	nc, err := w.connect(func(o *nats.Options) error {
		o.Servers = old.Servers() // those that we learned of too
		return nil
	})
	if err != nil {
		return false
	}
	var movers []subscription
	for _, st := range w.sortedStores() {
		if st.currentState() == Serving {
			movers = append(movers, &mover{st: st})
		}
	}
	if !nc.IsConnected() || slices.ContainsFunc(w.subscribe(nc, movers...), func(err error) bool { return err != nil }) {
		nc.Close()
		return false
	}
	w.nc.Store(nc)
	ctx, cancel := context.WithTimeout(ctx, moveTime)
	defer cancel()
	w.moveHearings(old, nc)
	for _, m := range movers {
		select {
		case <-m.(*mover).st.take(m.(*mover)):
		case <-ctx.Done():
		}
	}
	w.log.Info("left a nats-server that is about to stop", "url", withoutUser(old.ConnectedUrl()), "for", withoutUser(nc.ConnectedUrl()))
	_ = old.FlushTimeout(probeTimeout) // it may be gone already
	old.Close()
	w.noteConnected(nc)
	return true
}

// moveHearings moves what the worker hears beside requests. The answers to what it
// asks are heard on both connections for a moment: it takes each once. Of all else
// one connection at a time hears, as what other workers hand over must not be taken
// twice, and who hands over when nobody hears is told at once.
func (w *Worker) moveHearings(old, nc *nats.Conn) {
	for _, h := range w.heard() {
		was := h.sub.Load()
		if was == nil {
			continue
		}
		if !h.twice {
			_ = was.Drain() // fails only if it or the connection is closed
			_ = old.FlushTimeout(probeTimeout)
		}
		if err := h.open(w, nc); err != nil {
			h.sub.Store(nil) // settle asks for it again
			w.complain("can't hear over the new connection; trying again", "what", h.what, "err", err)
		}
		if h.twice {
			_ = nc.FlushTimeout(probeTimeout)
			_ = was.Drain()
		}
	}
}

// take puts m in the place of the store's subscription, which is drained; closed
// tells when that has handled its last message. A store that has left the queue
// group meanwhile stays outside.
func (st *store) take(m *mover) (closed <-chan struct{}) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.sub == nil {
		m.drop()
		return m.closed
	}
	closed = st.retireLocked(false)
	st.sub, st.closed = m.sub, m.closed
	return closed
}
