package worker

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Ping settings of a worker's connection: it is given up, and opened anew, when
// that many pings in a row had no answer. They are short, so that a worker that
// is frozen or cut off, and the server that is, are noticed within ten seconds;
// nats.go's defaults take minutes.
const (
	PingInterval = 3 * time.Second
	MaxPingsOut  = 2
)

// connect returns a connection that comes up, and comes back, by itself. more are
// options that go before.
func (w *Worker) connect(more ...nats.Option) (*nats.Conn, error) {
	nc, err := w.config.Connect(append(more,
		nats.Name(fmt.Sprintf("seqd %s %s", w.config.Version, w.config.ID)),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(200*time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.IgnoreAuthErrorAbort(), // credentials may be rotated while we run
		nats.PingInterval(PingInterval),
		nats.MaxPingsOutstanding(MaxPingsOut),
		// Answers that can't be sent now would only reach inboxes that gave up.
		nats.ReconnectBufSize(-1),
		// Replies go to the caller's subject, which canAnswer has checked.
		nats.SkipSubjectValidation(),

		nats.ConnectHandler(func(nc *nats.Conn) {
			w.log.Info("connected to NATS", "url", withoutUser(nc.ConnectedUrl()))
			w.noteConnected(nc)
		}),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			w.noteCut(nc)
			if w.draining.Load() || w.replaced(nc) {
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
		nats.LameDuckModeHandler(func(nc *nats.Conn) {
			w.lame.Store(nc)
			w.lookSoon()
		}),
		nats.ClosedHandler(func(nc *nats.Conn) {
			w.noteCut(nc)
			if !w.draining.Load() && !w.replaced(nc) {
				w.noteClosed(nc)
			}
		}),
	)...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	if !nc.IsConnected() { // why is told as for every other try
		w.log.Info("NATS is not reachable; waiting for it", "url", strings.Join(nc.Servers(), ","))
	}
	return nc, nil
}

// noteConnected has the worker ask for its subscriptions. Until NATS has them it
// is not ready.
func (w *Worker) noteConnected(nc *nats.Conn) {
	w.answers.trusted.Store(false)
	w.anew.Store(true)
	w.bar.Store(&bar{state: Starting})
	w.connected.Store(nc.IsConnected())
	w.everConnected.Store(true)
	w.connecting.done()
	w.lookSoon()
}

// noteCut notes that a connection is lost.
func (w *Worker) noteCut(nc *nats.Conn) {
	if !w.replaced(nc) {
		w.lose()
	}
}

// replaced reports whether another connection is used in place of nc.
func (w *Worker) replaced(nc *nats.Conn) bool {
	now := w.conn()
	return now != nil && now != nc
}

// lose gives up what was subscribed on a connection that is lost.
func (w *Worker) lose() {
	w.connected.Store(false)
	if w.draining.Load() {
		return // the stores are on their way out, each with what it has
	}
	for _, st := range w.sortedStores() {
		st.cut()
	}
	for _, h := range w.heard() {
		h.drop()
	}
}

// noteClosed notes that nats.go has given a connection up for good. It does so
// after errors that it takes for its user's: that a message is larger than
// max_payload is one, which the server's reload may have lowered.
func (w *Worker) noteClosed(nc *nats.Conn) {
	err, hint := nc.LastError(), ""
	if err != nil {
		hint = w.config.Advise(&NATSError{err})
	}
	w.log.Warn("NATS has ended the connection; opening another one", "err", err, "hint", hint)
	w.lookSoon()
}

// natsError hears what nats.go can tell nobody else.
func (w *Worker) natsError(nc *nats.Conn, sub *nats.Subscription, err error) {
	switch {
	case errors.Is(err, nats.ErrMaxSubscriptionsExceeded):
		w.limits.heard() // subscribe tells of it
	case errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), "Publish"):
		w.publishRefused(err)
	case errors.Is(err, nats.ErrPermissionViolation):
		w.subscriptionRefused(err)
	case isAuthError(err), !nc.IsConnected():
		w.cantConnect(err)
	case errors.Is(err, nats.ErrSlowConsumer) && sub != nil:
		w.complain("messages come faster than this worker can refuse them", "subject", sub.Subject) // watchDrops says how many
	default:
		w.complain("NATS error", "err", err)
	}
}

// withoutUser returns a server's URL without the user, whose name may be a token.
func withoutUser(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// isAuthError reports whether NATS refuses who we are.
func isAuthError(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) ||
		errors.Is(err, nats.ErrAccountAuthExpired) || errors.Is(err, nats.ErrAuthRevoked)
}
