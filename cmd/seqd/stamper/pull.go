package stamper

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// minFetchBytes is how much a pull may bring at least; more where a single
// message may be larger.
const minFetchBytes = 8 << 20

// pullRequest is what a consumer is asked (ADR-37, ADR-42).
type pullRequest struct {
	Batch     int           `json:"batch"`
	MaxBytes  int           `json:"max_bytes"`
	Expires   time.Duration `json:"expires"`
	Heartbeat time.Duration `json:"idle_heartbeat,omitempty"`
	Group     string        `json:"group"`
	ID        string        `json:"id,omitempty"` // the pin
}

// pull asks for n messages, and returns those that have come when the consumer
// has ended the pull, or ctx has.
//
// jetstream's Fetch is not used: it ends with the status that ends the pull, and
// a replicated consumer sends that one at once and messages only when a majority
// knows that they are given out, so that the status comes first. It does say how
// many messages were not given out, though, so what counts here is their number,
// and not who comes first.
func (s *source) pull(ctx context.Context, n int, wait time.Duration) (got []message, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("fetch from consumer %s of %s: %w", s.name, s.stream, err)
		}
	}()
	nc := s.js.Conn()
	// A channel, as the other ways to wait take a message for a status that has such
	// a header; it has room for all that may come.
	come := make(chan *nats.Msg, n+int(wait/heartbeat)+16)
	sub, err := nc.ChanSubscribe(nc.NewInbox(), come)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails with the connection only
	request := pullRequest{Batch: n, MaxBytes: s.maxBytes(), Expires: wait, Group: PriorityGroup, ID: s.pin}
	silence := wait + restWait
	if wait > 2*heartbeat { // tells a server that has lost the pull from one that has nothing
		request.Heartbeat, silence = heartbeat, 2*heartbeat
	}
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	if err := nc.PublishRequest(apiSubject(s.js, "CONSUMER.MSG.NEXT."+s.stream+"."+s.name), sub.Subject, body); err != nil {
		return nil, err
	}
	s.pending = 0
	ended := false
	for left := n; left > 0; {
		var msg *nats.Msg
		select {
		case msg = <-come:
		case <-ctx.Done():
			return got, nil
		case <-time.After(silence):
			if ended {
				return got, nil // the rest is lost on the way, which the consumer's count shows
			}
			return got, fmt.Errorf("not a word for %v", silence)
		}
		if status := statusOf(msg); status != "" {
			if status == statusHeartbeat {
				continue
			}
			undelivered, err := s.ending(status, msg)
			if err != nil {
				return got, err
			}
			if undelivered < 0 {
				return got, nil // nothing that was not there by now comes any more
			}
			ended, silence = true, restWait
			left = n - undelivered - len(got)
			continue
		}
		m, err := newMessage(msg)
		if err != nil {
			return got, err
		}
		s.pending, s.pin = m.meta.NumPending, msg.Header.Get("Nats-Pin-Id")
		got = append(got, m)
		left--
	}
	return got, nil
}

// maxBytes is how much a pull may bring.
func (s *source) maxBytes() int {
	return max(minFetchBytes, 2*int(s.js.Conn().MaxPayload()))
}

// Statuses that matter here.
const (
	statusHeartbeat    = "100"
	statusBadRequest   = "400"
	statusTimeout      = "408"
	statusConflict     = "409"
	statusWrongPin     = "423"
	statusNoResponders = "503"
)

// statusOf returns the status of a message that is the server's own, or "". One
// of the source may have such a header too, but it can be acknowledged.
func statusOf(msg *nats.Msg) string {
	if msg.Reply != "" {
		return ""
	}
	return msg.Header.Get("Status")
}

// ending reads a status that ends a pull: how many of the messages that were
// asked for are not given out, -1 if it does not say so; or an error.
func (s *source) ending(status string, msg *nats.Msg) (undelivered int, err error) {
	text := msg.Header.Get("Description")
	undelivered = -1
	if pending, err := strconv.Atoi(msg.Header.Get("Nats-Pending-Messages")); err == nil {
		undelivered = pending
	}
	has := func(part string) bool { return strings.Contains(strings.ToLower(text), part) }
	switch {
	case status == statusTimeout:
	case status == statusWrongPin:
		s.pin = "" // it is another stamper's turn
	case status == statusConflict && (has("batch completed") || has("exceeds maxbytes")):
	case status == statusConflict && (has("leadership change") || has("server shutdown")):
	case status == statusConflict && has("consumer deleted"):
		return 0, jetstream.ErrConsumerDeleted
	case status == statusConflict && has("exceeded maxrequest"):
		return 0, stop(fmt.Errorf("%s: raise the consumer's limit, or lower the batch", text))
	case status == statusBadRequest:
		return 0, fmt.Errorf("%w: %s", jetstream.ErrBadRequest, text)
	case status == statusNoResponders:
		return 0, nats.ErrNoResponders
	default:
		return 0, fmt.Errorf("status %s, %s", status, text)
	}
	return undelivered, nil
}

// apiSubject is where JetStream's API takes a request.
func apiSubject(js jetstream.JetStream, request string) string {
	options := js.Options()
	prefix := jetstream.DefaultAPIPrefix
	switch {
	case options.Domain != "":
		prefix = "$JS." + options.Domain + ".API"
	case options.APIPrefix != "":
		prefix = options.APIPrefix
	}
	return strings.TrimSuffix(prefix, ".") + "." + request
}
