package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/subjects"
)

// peers is the Counter of STRONG keys that several workers want at a time. Alone,
// compare-and-swap lets one of them win per round trip and makes the others try
// again. So a batch that loses is handed over, by its count, to the worker that
// won: that one adds it to its own next batch and answers with the range.
//
// Why that is as strict as compare-and-swap: the batch is closed before the
// request leaves, the winner's advance begins after it has arrived, and what is
// left of the range here is dropped. Compare-and-swap stays the only arbiter. A
// wrong belief about who is winning costs a round trip over NATS, never order:
// a batch that was handed over is not handed on, and where no answer comes, this
// worker advances the counter itself. An answer that is late is a gap.
//
// A worker that asks a rival itself refuses to be asked. So nobody waits in a
// ring, and everybody comes to ask the same one: whoever is refused tries by
// itself, loses, and reads in the record who is winning.
type peers struct {
	allocator.Starter
	w       *Worker
	witness witness // the same one; nil if it isn't one

	mu     sync.Mutex
	rivals map[allocator.Key]string // who won the latest race for a key against us, and answers
}

// witness is a Counter that holds what a rival reserved for us against what it
// has seen itself, and the other way round: a rival that knows less would after
// a rewind of the counters reserve ids again that we have issued.
type witness interface {
	// Known returns an id that ids reserved from now on must be greater than.
	Known(allocator.Key) int64

	// Given notes ids that a rival reserved for us.
	Given(allocator.Key, allocator.Range)
}

const (
	// peerTimeout bounds the wait for a rival's answer.
	peerTimeout = 250 * time.Millisecond

	// maxRivals bounds the memory of rivals.
	maxRivals = 1 << 16
)

// peerSubject is what a worker hears other workers' advances on, followed by
// store and key.
func peerSubject(id string) string { return subjects.PeerRoot + "." + id + ".advance" }

// Start asks the key's rival, if there is one, and else tries by itself.
func (p *peers) Start(a *allocator.Advance) {
	if a.Direct {
		p.Starter.Start(a)
		return
	}
	h := handovers.Get().(*handover)
	h.p, h.told, h.direct = p, a.Done, false
	a.Done = h
	if rival := p.rival(a.Key); rival != "" {
		go h.ask(a, rival)
		return
	}
	a.Yield = true
	p.Starter.Start(a)
}

// handover stands between an advance and who is told of it.
type handover struct {
	p      *peers
	told   allocator.Advancer
	direct bool // from now on by compare-and-swap alone
}

var handovers = sync.Pool{New: func() any { return new(handover) }}

// Advanced hands the advance over if it lost, and else tells the outcome.
func (h *handover) Advanced(a *allocator.Advance, ids allocator.Range, err error) {
	var lost *allocator.LostRace
	if err != nil && !h.direct && errors.As(err, &lost) {
		h.p.remember(a.Key, lost.Winner)
		go h.ask(a, lost.Winner) // one for a batch that lost, not for each request
		return
	}
	told := h.told
	a.Done, *h = told, handover{}
	handovers.Put(h)
	told.Advanced(a, ids, err)
}

// ask hands a over to rival, and blocks until it has answered; where no answer
// comes, this worker advances the counter.
func (h *handover) ask(a *allocator.Advance, rival string) {
	p := h.p
	ids, err := p.ask(a.Ctx, rival, a.Key, a.N)
	h.direct = true
	if err == nil {
		p.w.handovers.answered.Add(1)
		h.Advanced(a, ids, nil)
		return
	}
	p.w.handovers.unanswered.Add(1)
	p.forget(a.Key)
	p.w.log.Debug("a rival did not answer; advancing the counter ourselves", "store", a.Key.Store, "key", a.Key.Name, "rival", rival, "err", err)
	a.Yield = false
	p.Starter.Start(a)
}

// ask hands an advance over to a rival.
func (p *peers) ask(ctx context.Context, rival string, key allocator.Key, n int) (allocator.Range, error) {
	ctx, cancel := context.WithTimeout(ctx, peerTimeout)
	defer cancel()
	known := int64(0)
	if p.witness != nil {
		known = p.witness.Known(key)
	}
	request := subjects.Request{N: n}
	m, err := p.w.nc.RequestWithContext(ctx, subjects.Subject(peerSubject(rival), key.Store, key.Name), request.Append(nil))
	if err != nil {
		if !errors.Is(err, nats.ErrNoResponders) {
			p.skipped(key, n)
		}
		return allocator.Range{}, err
	}
	reply, err := subjects.DecodeReply(m.Header, m.Data)
	if err != nil {
		return allocator.Range{}, err
	}
	if reply.N != n {
		return allocator.Range{}, fmt.Errorf("%d ids in place of %d", reply.N, n)
	}
	ids := allocator.Range{First: reply.ID, N: reply.N}
	if ids.First <= known {
		p.skipped(key, n)
		return allocator.Range{}, fmt.Errorf("ids from %d, which have been reserved before: %d was", ids.First, known)
	}
	if p.witness != nil {
		p.witness.Given(key, ids)
	}
	return ids, nil
}

// skipped tells of ids that a rival has perhaps reserved for us, and nobody gets.
func (p *peers) skipped(key allocator.Key, n int) {
	observer{p.w}.Skipped(key.Store, n, allocator.GapHandover)
}

// servePeers answers the advances that other workers hand over.
func (w *Worker) servePeers() error {
	subject := peerSubject(w.config.ID) + ".>"
	sub, err := w.nc.Subscribe(subject, w.handlePeer)
	if err != nil {
		return fmt.Errorf("subscribe %s: %w", subject, err)
	}
	w.limit(sub) // beyond it rivals wait for peerTimeout in vain, and then help themselves
	return nil
}

// handlePeer adds another worker's advance to our next batch of that key. It
// does not block.
func (w *Worker) handlePeer(m *nats.Msg) {
	if !w.canAnswer(m.Reply) {
		w.dropped.Add(1)
		return
	}
	a := asked{reply: m.Reply, arrived: w.arrival(time.Now()), timeout: peerTimeout}
	name, key, err := subjects.Parse(peerSubject(w.config.ID), m.Subject)
	st := w.storeOf(name, nil)
	var req subjects.Request
	if err == nil {
		err = req.Decode(m.Header, m.Data)
	}
	if err == nil && st == nil {
		err = subjects.ErrBadRequest // not served here: a rival's record can't be ours
	}
	if err != nil {
		w.sendError(&a, err.(*subjects.Error)) // Parse and Decode return nothing else
		return
	}
	k := allocator.Key{Store: name, Name: key}
	// A worker that is stopping would else be kept busy by its rivals for as long
	// as callers want the key.
	if p := st.backend.peers; w.draining.Load() || p != nil && p.rival(k) != "" {
		w.sendError(&a, errNotWinning)
		return
	}
	c, ok := w.accept(st, k, req.N, &a)
	if !ok {
		w.sendError(&a, subjects.ErrBusy)
		return
	}
	c.Direct = true
	st.backend.strong.Allocate(&c.Request)
}

var errNotWinning = &subjects.Error{Code: subjects.Unavailable, Text: "another worker is winning, or will be"}

// rival returns whom we ask, or "": as far as we know nobody wins against us.
func (p *peers) rival(key allocator.Key) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rivals[key]
}

func (p *peers) remember(key allocator.Key, rival string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.rivals[key]; !ok && len(p.rivals) >= maxRivals {
		for other := range p.rivals { // any one will do
			delete(p.rivals, other)
			break
		}
	}
	p.rivals[key] = rival
}

func (p *peers) forget(key allocator.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.rivals, key)
}

func (p *peers) forgetAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.rivals)
}
