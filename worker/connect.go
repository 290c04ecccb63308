package worker

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// Short pings, so that a worker that is frozen or cut off, and the server that
// is, are noticed within ten seconds; nats.go's defaults take minutes.
const (
	pingInterval = 3 * time.Second
	maxPingsOut  = 2
)

// connect returns a connection that comes up, and comes back, by itself.
func (w *Worker) connect() (*nats.Conn, error) {
	nc, err := w.config.Connect(
		nats.Name(fmt.Sprintf("seqd %s %s", w.config.Version, w.config.ID)),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(200*time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.IgnoreAuthErrorAbort(), // credentials may be rotated while we run
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(maxPingsOut),
		// Answers that can't be sent now would only reach inboxes that gave up.
		nats.ReconnectBufSize(-1),
		// Replies go to the caller's subject, which canAnswer has checked.
		nats.SkipSubjectValidation(),

		nats.ConnectHandler(func(nc *nats.Conn) {
			w.log.Info("connected to NATS", "url", withoutUser(nc.ConnectedUrl()))
			w.noteConnected(nc)
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			w.connected.Store(false)
			if w.draining.Load() {
				return // we are closing it ourselves
			}
			w.log.Warn("disconnected from NATS; trying again", "err", err)
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			w.reconnects.Add(1)
			w.noteConnected(nc)
			w.log.Info("reconnected to NATS", "url", withoutUser(nc.ConnectedUrl()))
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			w.cantConnect(err)
		}),
		nats.ErrorHandler(w.natsError),
		nats.ClosedHandler(func(*nats.Conn) { close(w.lost) }),
	)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	if !nc.IsConnected() {
		w.log.Warn("NATS is not reachable; waiting for it", "url", strings.Join(nc.Servers(), ","), "hint", "start nats-server, or set --nats-url")
	}
	return nc, nil
}

// noteConnected counts the connection as there once NATS has the subscriptions
// that nats.go sends it anew.
func (w *Worker) noteConnected(nc *nats.Conn) {
	_ = nc.FlushTimeout(probeTimeout)
	w.connected.Store(true)
	w.connecting.done()
	w.noteReady()
}

// natsError hears what nats.go can tell nobody else.
func (w *Worker) natsError(nc *nats.Conn, sub *nats.Subscription, err error) {
	switch {
	case errors.Is(err, nats.ErrPermissionViolation):
		for _, st := range w.sortedStores() {
			if st.refusedBy(err) {
				before := st.currentState()
				st.leave(Denied)
				if before == Denied {
					return // it was said; this was another try
				}
				w.log.Error("NATS refuses the subscription: not serving the store; trying again",
					"store", st.Name, "err", err,
					"hint", fmt.Sprintf("allow this user to subscribe to %q", st.subject+" "+subjects.Queue))
				return
			}
		}
		w.complain("NATS refuses a subject", "err", err, "hint", "allow this worker to publish to callers' inboxes, and to publish and subscribe to $SRV.> and _SEQD.>")
	case isAuthError(err), !nc.IsConnected():
		w.cantConnect(err)
	case errors.Is(err, nats.ErrSlowConsumer) && sub != nil:
		w.complain("messages come faster than this worker can refuse them", "subject", sub.Subject) // watchDrops says how many
	default:
		w.complain("NATS error", "err", err)
	}
}

// refusedBy reports whether err is NATS's refusal of the store's subscription,
// which nats.go names in the text only.
func (st *store) refusedBy(err error) bool {
	return errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), fmt.Sprintf("Subscription to %q", st.subject))
}
