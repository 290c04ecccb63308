package worker

import (
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/subjects"
)

// subscriber is one subscription's side of the worker. Its goroutine, nats.go's
// one for the subscription, owns it.
type subscriber struct {
	w       *Worker
	store   *store // whose subject is subscribed; another store's message may come too
	scratch []byte // for answers, kept over messages
	backlog backlog
	special special // of the message that is handled
	out     outboxes
}

// handle answers one request, hands it to an allocator that will, or over to
// another worker. It does not block.
func (s *subscriber) handle(m *nats.Msg) {
	now := time.Now()
	s.admit(m, now)
	if len(s.out.open) > 0 && (pending(m.Sub) <= 1 || now.Sub(s.out.from) > maxOpen) { // 1 is m
		s.out.flush()
	}
}

func pending(sub *nats.Subscription) int {
	n, _, _ := sub.Pending() // fails only if the subscription is closed: then nothing is left
	return n
}

// admit checks a request and has it served.
func (s *subscriber) admit(m *nats.Msg, now time.Time) {
	w := s.w
	came := s.backlog.arrival(now, func() int { return pending(m.Sub) })
	if !w.canAnswer(m.Reply) {
		w.noReply.Add(1)
		return
	}
	a := asked{reply: m.Reply, arrived: w.arrival(came)}
	if w.config.Trace != nil && m.Header != nil {
		a.traced = tracedOf(m.Header)
	}
	st := s.store
	name, key, err := subjects.Parse(w.config.Root, m.Subject)
	if err == nil && name != st.Name {
		st = w.storeOf(name, st)
	}
	a.stats = &st.stats
	var req subjects.Request
	decodeErr := req.Decode(m.Header, m.Data)
	a.format, a.nonce, a.timeout = req.Format, req.Nonce, req.Timeout
	if err == nil {
		err = decodeErr
	}
	if err == nil && lostHeader(m) {
		err = errHeader
	}
	mode := req.Mode
	if err == nil {
		mode, err = st.allow(mode, req.N)
	}
	k := allocator.Key{Store: name, Name: key}
	if err == nil && (st.Numbers != nil || req.IdempotencyKey != "") {
		err = st.special(&a, &s.special, k, mode, req.N, req.IdempotencyKey)
	}
	a.traced.asks(k, mode, req.N)
	if err != nil {
		w.sendError(&a, err)
		return
	}
	a.lane = slowLane(mode)
	if w.stale(&a, now) {
		w.sendError(&a, subjects.ErrExpired)
		return
	}
	s.serve(st, k, req.N, &a, now, 0)
}

// serve answers a request that may be: from memory, or when its ids have come, or
// by another worker. hops is how often it was handed over to come here. now was
// read after it had come.
func (s *subscriber) serve(st *store, k allocator.Key, n int, a *asked, now time.Time, hops uint8) {
	w, issuer, peer := s.w, st.backend.issuer, ""
	weak, once := a.lane == weakSlow, a.once() != nil
	above := int64(0)
	if rule := a.rule(); rule != nil {
		above = rule.Period(w.config.Now()).Mark(0)
	}
	var ids allocator.Range
	var held bool
	switch {
	case st.Leased && once:
		peer = issuer.Owner(k)
	case st.Leased:
		ids, peer, held = issuer.TakeOwned(k, n, above, now)
	case weak && !once:
		ids, held = issuer.Take(k, n, above)
	case hops == 0:
		peer = issuer.Rival(k)
	}
	if held {
		a.lane = a.lane.fast()
		s.scratch = w.sendIDs(a, ids, s.scratch)
		st.saw(k, ids.Last(), a.rule())
		return
	}
	if st.Leased && peer == "" && st.backend.lease.lost(now) {
		// It would wait here for as long as it has patience, and another worker may
		// be better off.
		a.stats.unleased.Add(1)
		st.backend.refused(allocator.ErrUnowned)
		w.sendError(a, errReplaced)
		return
	}
	c, ok := w.accept(st, k, n, a)
	if !ok {
		w.sendError(a, busy(time.Duration(w.waited.Load())))
		return
	}
	c.weak, c.hops, c.Direct, c.Above = weak, hops, hops > 0, above
	switch {
	case peer == "":
		c.allocate()
	case hops >= maxHops:
		c.Allocated(&c.Request, allocator.Range{}, &allocator.LostRace{Winner: peer, Owner: true})
	default:
		s.out.add(c, peer, now)
	}
}

// lostHeader reports whether m had a header block that nats.go could not read,
// and dropped: what the caller wanted is not known.
func lostHeader(m *nats.Msg) bool {
	return m.Header == nil && m.Size() != len(m.Subject)+len(m.Reply)+len(m.Data)
}

var errHeader = &subjects.Error{Code: subjects.BadRequest, Text: "header block is malformed"}

// maxReplyLen keeps our PUB line, headers' sizes included, well within the 4096
// bytes where nats-server would cut the connection.
const maxReplyLen = 1024

// canAnswer reports whether an answer to reply would reach a caller. Reply
// subjects are the caller's choice, so one that leads back to workers could make
// a loop or reach what the caller may not; one that NATS would not deliver would
// burn ids for nobody.
func (w *Worker) canAnswer(reply string) bool {
	switch {
	case reply == "" || len(reply) > maxReplyLen:
		return false
	case strings.HasPrefix(reply, w.config.Root) && strings.HasPrefix(reply[len(w.config.Root):], "."):
		return false
	case strings.HasPrefix(reply, subjects.PeerRoot+"."):
		return false
	case reply[0] == '$': // NATS's own APIs: this worker may have permissions there that the caller has not
		return false
	}
	token := true // at a token's start
	for i := range len(reply) {
		switch c := reply[i]; {
		case c == '.' && token, c == '*', c == '>', c <= ' ', c == 0x7f:
			return false
		default:
			token = c == '.'
		}
	}
	return !token
}

// sendIDs publishes ids as an answer, and returns scratch for the next one.
func (w *Worker) sendIDs(a *asked, ids allocator.Range, scratch []byte) []byte {
	if a.special != nil && (a.special.rule != nil || a.special.replayed) {
		return w.sendSpecial(a, ids, scratch)
	}
	reply := subjects.Reply{ID: ids.First, N: ids.N, Nonce: a.nonce}
	scratch = reply.Append(scratch[:0], a.format)
	// Not m.Respond: it takes the subscription's lock, which the connection's
	// reader wants for every message. The error can only say that the
	// connection is gone, or the answer too large: the ids are a gap, and sent
	// says so to the caller who can still hear it.
	w.sent(a, ids, w.conn().Publish(a.reply, scratch))
	return scratch
}

// sent counts an answer with ids that was sent, or not.
func (w *Worker) sent(a *asked, ids allocator.Range, err error) {
	if err != nil {
		if a.once() == nil { // else they are still there to be asked for
			a.stats.skipped[allocator.GapUnsent].Add(int64(ids.N))
		}
		if w.answers.lost(err) {
			w.sendError(a, errTooLarge)
			return
		}
	} else {
		a.stats.answered(a.lane, ids.N, time.Since(a.arrived))
	}
	if a.traced != nil {
		w.traced(a, ids, nil)
	}
}

// sendError publishes an error as an answer.
func (w *Worker) sendError(a *asked, e *subjects.Error) {
	err := w.publishError(a, e)
	if errors.Is(err, nats.ErrMaxPayload) {
		// The code is what counts, and it is never long.
		short := *e
		short.Text = ""
		err = w.publishError(&asked{reply: a.reply, format: a.format}, &short)
	}
	if err != nil {
		w.answers.lost(err)
	}
	a.stats.failed(a.lane, e, time.Since(a.arrived))
	if a.traced != nil {
		w.traced(a, allocator.Range{}, e)
	}
}

func (w *Worker) publishError(a *asked, e *subjects.Error) error {
	return w.conn().PublishMsg(&nats.Msg{
		Subject: a.reply,
		Header:  e.Header(),
		Data:    subjects.AppendError(nil, a.format, e, &a.nonce),
	})
}
