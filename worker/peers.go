package worker

import (
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// PeerSubject returns the subject on which the worker with that id is sent the
// requests that others hand over to it.
func PeerSubject(id string) string { return subjects.PeerRoot + "." + id + ".requests" }

// probeSubject is what the worker asks itself on.
func (w *Worker) probeSubject() string { return subjects.PeerRoot + "." + w.config.ID + ".probe" }

// peerWildcard covers both, and not what versions that handed over counts of ids
// ask on, "advance.<store>.<key>": they hear at once that nobody is there.
func (w *Worker) peerWildcard() string { return subjects.PeerRoot + "." + w.config.ID + ".*" }

// receiver takes requests that other workers hand over. Its subscription's
// goroutine owns it.
type receiver struct {
	subscriber
	requests []carried
	refused  []int
	word     []byte
}

func newReceiver(w *Worker) nats.MsgHandler {
	r := &receiver{subscriber: subscriber{w: w, scratch: make([]byte, 0, 128), out: outboxes{w: w}}}
	return r.handle
}

// handle takes the requests of a message, and says which it took. It does not
// block.
func (r *receiver) handle(m *nats.Msg) {
	w, now := r.w, time.Now()
	came := r.backlog.arrival(now, func() int { return pending(m.Sub) })
	switch {
	case !w.canAnswer(m.Reply):
		w.noReply.Add(1)
		return
	case m.Subject == w.probeSubject():
		_ = w.conn().Publish(m.Reply, nil) // to ourselves: tryAnswer hears what becomes of it
		return
	case m.Subject != PeerSubject(w.config.ID):
		return
	}
	message := string(m.Data)
	requests, patience, ok := openParcel(message, r.requests[:0])
	r.requests, r.refused = requests, r.refused[:0]
	old := max(now.Sub(came), w.pulse.age(now.Sub(w.started))-beatInterval)
	if ok {
		old = max(old, age(message, now.Sub(w.started)))
	}
	late := old > min(patience, wordPatience) // who has sent it may be at it himself by now
	count := len(requests)
	switch {
	case !ok, w.answers.askedOnly.Load():
		count = 0
		r.word = append(r.word[:0], wireVersion, wordNone)
	case late:
		count = 0
		r.word = append(r.word[:0], wireVersion, wordLate)
	default:
		arrived := w.arrival(came)
		for i := range requests {
			if !r.take(&requests[i], arrived, now) {
				r.refused = append(r.refused, i)
			}
		}
		r.out.flush()
		r.word = appendWord(r.word[:0], count, r.refused)
	}
	r.word = appendClock(r.word, time.Since(w.started))
	w.handovers.stats.received.Add(int64(count - len(r.refused)))
	clear(requests) // they hold the message
	// Behind the answers, as nobody waits for it, and at once: if this process ends
	// before it is said, its sender serves again what is answered.
	if err := w.conn().Publish(m.Reply, r.word); err != nil {
		w.answers.lost(err)
	}
}

// take serves a request as if it had come from its caller, or is false.
func (r *receiver) take(req *carried, arrived, now time.Time) bool {
	w := r.w
	st := w.storeOf(req.key.Store, nil)
	if st == nil || st.currentState() != Serving {
		return false
	}
	if st.Leased && !st.backend.lease.holds(now) { // its sender may take the key over
		return false
	}
	// Who can't reach the Counter may stay in the queue group for weak ids' sake.
	// Others, who can, would never learn that strong ones come to nothing here.
	if !st.Leased && !req.weak && st.backend.failing.Load() {
		return false
	}
	// Two that hand over to each other would do so until they gave up.
	if !st.Leased && !req.weak && st.backend.issuer.Rival(req.key) != "" {
		return false
	}
	if !w.canAnswer(req.reply) { // its worker has looked; this is somebody else
		w.noReply.Add(1)
		return true
	}
	a := asked{reply: req.reply, format: req.format, nonce: req.nonce, arrived: arrived, stats: &st.stats}
	if req.named {
		a.timeout = req.left
	} else {
		a.left = req.left
	}
	if w.config.Trace != nil && sampled(req.parent) {
		a.traced = &Traced{Parent: req.parent, State: req.state, HandedOver: true}
	}
	mode := subjects.Strong
	if req.weak {
		mode = subjects.Weak
	}
	mode, err := st.allow(mode, req.n)
	if err == nil && (st.Numbers != nil || req.idempotencyKey != "") {
		err = st.special(&a, &r.special, req.key, mode, req.n, req.idempotencyKey)
	}
	a.traced.asks(req.key, mode, req.n)
	if err != nil {
		w.sendError(&a, err)
		return true
	}
	a.lane = slowLane(mode)
	if w.stale(&a, now) {
		w.sendError(&a, subjects.ErrExpired)
		return true
	}
	r.serve(st, req.key, req.n, &a, now, req.hops)
	return true
}
