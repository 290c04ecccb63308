package worker

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// subscription is what a worker wants to hear, and NATS may refuse.
type subscription interface {
	open(*Worker, *nats.Conn) error // sends it; it is not known yet whether NATS has it
	drop()                          // takes it back
	topic() (subject, queue string)
}

var (
	_ subscription = (*store)(nil)
	_ subscription = (*hearing)(nil)
)

// errUnsure is returned of subscriptions that NATS has not confirmed in time.
var errUnsure = errors.New("NATS does not say whether it has the subscription")

// subscribe has NATS take subs, and returns for each why it did not, or nil.
// What is refused is taken back: nats.go would keep it, and send it again with
// every connection.
//
// NATS confirms nothing; it refuses, before the answer to a ping that follows.
// A refusal for want of room names no subject. So only one caller at a time has
// a say, and where anything is refused, each subscription is sent alone.
func (w *Worker) subscribe(nc *nats.Conn, subs ...subscription) []error {
	if len(subs) == 0 {
		return nil
	}
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	verdicts := make([]error, len(subs))
	if len(subs) > 1 {
		err := w.offer(nc, subs...)
		if err == nil {
			return verdicts
		}
		for _, s := range subs {
			s.drop()
		}
		if errors.Is(err, nats.ErrMaxSubscriptionsExceeded) {
			for w.limits.within(limitEcho) { // one for each that was too many
			}
		}
	}
	for i, s := range subs {
		verdicts[i] = w.offer(nc, s)
		if verdicts[i] == nil {
			continue
		}
		s.drop()
		if errors.Is(verdicts[i], nats.ErrMaxSubscriptionsExceeded) {
			for j := i + 1; j < len(subs); j++ { // there is no room for these either
				verdicts[j] = verdicts[i]
			}
			break
		}
	}
	return verdicts
}

// offer sends subs, and returns NATS's refusal of one of them.
func (w *Worker) offer(nc *nats.Conn, subs ...subscription) error {
	before := nc.LastError()
	w.limits.forget()
	for _, s := range subs {
		if err := s.open(w, nc); err != nil {
			return err
		}
	}
	if err := nc.FlushTimeout(probeTimeout); err != nil {
		return fmt.Errorf("%w: %w", errUnsure, err)
	}
	switch after := nc.LastError(); {
	case errors.Is(after, nats.ErrMaxSubscriptionsExceeded):
		// nats.go keeps the last error, and this one is always the same value: if
		// it was there before, only the error handler hears whether it came again.
		if errors.Is(before, nats.ErrMaxSubscriptionsExceeded) && !w.limits.within(limitEcho) {
			return nil
		}
		return after
	case after == before, !errors.Is(after, nats.ErrPermissionViolation):
		return nil
	case len(subs) > 1, refuses(after, subs[0]):
		return after // of several, more than one may be refused
	}
	return nil
}

// refuses reports whether err is NATS's refusal of s, which nats.go names in the
// text only.
func refuses(err error, s subscription) bool {
	subject, queue := s.topic()
	_, text, found := strings.Cut(err.Error(), fmt.Sprintf("Subscription to %q", subject))
	if !found || !errors.Is(err, nats.ErrPermissionViolation) {
		return false
	}
	// A subject with too many tokens is refused without a word on the queue.
	return queue == "" || !strings.Contains(text, "using queue") || strings.Contains(text, fmt.Sprintf("using queue %q", queue))
}

// limitEcho is how long the error handler may take to hear what nats.go has read.
const limitEcho = 250 * time.Millisecond

// echo lets one goroutine wait for what another one hears.
type echo chan struct{}

func newEcho() echo { return make(echo, 1) }

func (e echo) heard() {
	select {
	case e <- struct{}{}:
	default:
	}
}

// forget drops what was heard before.
func (e echo) forget() {
	select {
	case <-e:
	default:
	}
}

// within waits for d at most, and is false if nothing is heard.
func (e echo) within(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-e:
		return true
	case <-t.C:
		return false
	}
}
