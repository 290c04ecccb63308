package worker

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// hearing is a subscription of the worker's beside those of its stores:
// discovery, what other workers hand over, the answers to what it asks.
type hearing struct {
	what    string // for people
	subject string
	handle  func() nats.MsgHandler            // makes one for each subscription, whose goroutine owns it
	work    bool                              // what it hears are requests, or of requests
	twice   bool                              // that the same is heard twice does no harm
	sub     atomic.Pointer[nats.Subscription] // nil: NATS has it not

	// watchNATS owns these.
	refused error     // why NATS has it not; nil: not asked yet
	again   time.Time // when to ask again for what is not permitted
}

func (h *hearing) open(w *Worker, nc *nats.Conn) error {
	sub, err := nc.Subscribe(h.subject, h.handle())
	if err != nil {
		return fmt.Errorf("subscribe %s: %w", h.subject, err)
	}
	w.limit(sub)
	h.sub.Store(sub)
	return nil
}

func (h *hearing) drop() {
	if sub := h.sub.Swap(nil); sub != nil {
		_ = sub.Unsubscribe() // fails only if it or the connection is closed
	}
}

func (h *hearing) topic() (subject, queue string) { return h.subject, "" }

// Subscriptions returns how many subscriptions a worker of these stores has. It
// can't serve with fewer.
func Subscriptions(stores []Store) int {
	return subscriptions(len(stores), slices.ContainsFunc(stores, func(s Store) bool { return s.Numbers != nil }))
}

func (w *Worker) subscriptions() int { return subscriptions(len(w.stores), w.asksForTime()) }

func subscriptions(stores int, asksForTime bool) int {
	n := stores + discoverySubjects + ownSubjects
	if asksForTime {
		n++
	}
	return n
}

const (
	discoverySubjects = 9 // three questions, each to all services, to seqd, to this worker
	ownSubjects       = 2 // what other workers hand over, and the answers to what we ask
)

// heard returns the worker's hearings, nil before Run has made them.
func (w *Worker) heard() []*hearing {
	if all := w.hearings.Load(); all != nil {
		return *all
	}
	return nil
}

// unheard returns what NATS refuses of the worker's subscriptions beside the
// stores', for people; nil if nothing.
func (w *Worker) unheard() error {
	if err := w.deaf.Load(); err != nil {
		return *err
	}
	return nil
}

// noteUnheard notes what is refused of hearings, and says it if it is new.
func (w *Worker) noteUnheard() {
	var what []string
	var why error
	n := 0
	for _, h := range w.heard() {
		if h.refused == nil {
			continue
		}
		n++
		why = h.refused
		if len(what) == 0 || what[len(what)-1] != h.what {
			what = append(what, h.what)
		}
	}
	w.deafTo.Store(int64(n))
	if n == 0 {
		w.deaf.Store(nil)
		return
	}
	before := w.unheard()
	err := fmt.Errorf("without %s: %w", strings.Join(what, " and "), why)
	w.deaf.Store(&err)
	if before == nil || before.Error() != err.Error() {
		w.log.Warn("NATS refuses a subscription; serving without it, and trying again", "without", strings.Join(what, " and "), "err", why,
			"hint", fmt.Sprintf("allow this user to subscribe to %q, %q and its inbox, %q", "$SRV.>", "_SEQD.>", w.inbox+".>"))
	}
}
