package worker

import (
	"crypto/rand"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// handovers are the requests that this worker has handed over to others, and the
// words that it waits for.
//
// A request is another worker's as soon as that one has taken it, and its caller
// is answered by that one. This worker keeps it until the word comes, which says
// so. If it was not taken, or no word comes in time, this worker serves it
// itself; a word that comes later is of no account, and who would have said it
// does not take what is older than takeWithin.
type handovers struct {
	w     *Worker
	reply string // what the subjects of words begin with; set by Run
	stats handoverStats

	clocks peerClocks

	mu    sync.Mutex
	seq   uint64
	sent  map[uint64]*parcel // the word has not come
	timer *time.Timer        // when to look for those that it never comes of
	armed bool               // it runs

	lost lostRaces

	nobody map[string]time.Time // workers that do not hear, and when that was found
}

const (
	// wordPatience is how long a worker waits for the word about what it has handed
	// over.
	wordPatience = 500 * time.Millisecond

	// takeWithin is how old what is handed over may be when it is taken. The rest of
	// wordPatience is for the word's way back: if it takes longer, there are two
	// answers.
	takeWithin = 200 * time.Millisecond

	// stoodStill is how old a pulse must be for a worker to think that words may be
	// with it which it has not read.
	stoodStill = 2 * beatInterval
)

func (h *handovers) init(w *Worker) {
	h.w, h.sent = w, map[uint64]*parcel{}
	h.lost.kick = make(chan struct{}, 1)
}

// introduce makes the subjects of words. Nobody but who is sent one may guess it:
// see newReply.
func (h *handovers) introduce(inbox string) { h.reply = inbox + "." + rand.Text() + "-" }

// send hands p over, and returns its body for another use: p may have been given
// up, and be another one's, before it is published.
func (h *handovers) send(p *parcel) (body []byte) {
	body, p.body = p.body, nil
	subject := PeerSubject(p.peer)
	p.sent = time.Now()
	closeParcel(body, takeWithin, len(p.calls), h.clocks.read(p.peer, p.sent.Sub(h.w.started)))
	h.mu.Lock()
	h.seq++
	seq := h.seq
	p.seq = seq
	h.sent[seq] = p
	if !h.armed {
		h.armed = true
		h.wakeLocked(wordPatience)
	}
	h.mu.Unlock()
	h.stats.messages.Add(1)
	if err := h.w.conn().PublishRequest(subject, h.reply+strconv.FormatUint(seq, 36), body); err != nil {
		if p := h.take(seq); p != nil {
			h.stats.refused.Add(int64(len(p.calls)))
			p.goOn()
		}
	}
	return body
}

// take takes back what was sent under that number, nil if that has been done.
func (h *handovers) take(seq uint64) *parcel {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.sent[seq]
	delete(h.sent, seq)
	return p
}

// hears reports whether m is a word, and takes it.
func (h *handovers) hears(m *nats.Msg) bool {
	number, ok := strings.CutPrefix(m.Subject, h.reply)
	if !ok {
		return false
	}
	seq, err := strconv.ParseUint(number, 36, 64)
	if err != nil {
		return true
	}
	p := h.take(seq)
	if p == nil {
		return true // too late, or not the first
	}
	var said word
	if noResponders(m) != nil {
		h.noteNobody(p.peer)
	} else {
		said = readWord(m.Data, len(p.calls))
		if said.clock > 0 {
			h.clocks.hear(p.peer, said.clock, time.Since(h.w.started))
		}
	}
	taken, now := 0, time.Now()
	for i, c := range p.calls {
		switch {
		case said.took(i):
			taken++
			c.end()
		case said.late && c.store.Leased && now.Before(c.Deadline):
			h.lost.add(c, p.peer) // it is the owner still, and has much to do
		default:
			c.goOn(p.peer)
		}
	}
	h.stats.taken.Add(int64(taken))
	h.stats.refused.Add(int64(len(p.calls) - taken))
	p.recycle()
	return true
}

// goOn serves here what the peer has not taken.
func (p *parcel) goOn() {
	for _, c := range p.calls {
		c.goOn(p.peer)
	}
	p.recycle()
}

// wakeLocked has sweep called after d.
func (h *handovers) wakeLocked(d time.Duration) {
	if h.timer == nil {
		h.timer = time.AfterFunc(d, h.sweep)
	} else {
		h.timer.Reset(d)
	}
}

// sweep goes on with what no word has come of in time.
func (h *handovers) sweep() {
	now := time.Now()
	if h.w.stoodStill(now) && !h.w.draining.Load() { // draining, nobody keeps the pulse
		h.mu.Lock()
		h.wakeLocked(beatInterval / 5)
		h.mu.Unlock()
		return
	}
	var late []*parcel
	h.mu.Lock()
	next := wordPatience
	for seq, p := range h.sent {
		if wait := wordPatience - now.Sub(p.sent); wait <= 0 {
			late = append(late, p)
			delete(h.sent, seq)
		} else {
			next = min(next, wait)
		}
	}
	if h.armed = len(h.sent) > 0; h.armed {
		h.wakeLocked(next)
	}
	h.mu.Unlock()
	h.giveUp(late)
}

// giveUpAll goes on with all that no word has come of.
func (h *handovers) giveUpAll() {
	var all []*parcel
	h.mu.Lock()
	for _, p := range h.sent {
		all = append(all, p)
	}
	clear(h.sent)
	h.mu.Unlock()
	h.giveUp(all)
}

func (h *handovers) giveUp(all []*parcel) {
	for _, p := range all {
		h.stats.lost.Add(int64(len(p.calls)))
		h.w.log.Debug("another worker says nothing about the requests that were handed over to it", "worker", p.peer, "requests", len(p.calls))
		p.goOn()
	}
}

// goOn has c served here, as peer was asked for it in vain.
func (c *call) goOn(peer string) {
	c.store.backend.issuer.Refused(c.Key, peer)
	c.Direct, c.Asked = true, peer
	c.allocate()
}

// stoodStill reports whether this process may have messages which came while it
// could not read them.
func (w *Worker) stoodStill(now time.Time) bool { return w.pulse.age(now.Sub(w.started)) > stoodStill }

// handoverStats counts the requests that went between workers.
type handoverStats struct {
	taken    atomic.Int64 // by another worker
	refused  atomic.Int64 // by another worker
	lost     atomic.Int64 // no word came of them
	messages atomic.Int64 // that they were sent in
	received atomic.Int64 // by us, from others
}
