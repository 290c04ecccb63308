package allocator

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Peers advances keys that several processes want at a time, each with a Source
// of its own over the same records. Alone, compare-and-swap lets one
// of them win per round trip and makes the others try again. So a batch that
// loses is handed over, by its count, to the process that won: that one adds it
// to its own next batch and answers with the range.
//
// Why that is as strict as compare-and-swap: the batch is closed before it is
// handed over, the winner's advance begins after it has arrived, and what is
// left of the range here is dropped. Compare-and-swap stays the only arbiter. A
// wrong belief about who is winning costs a round trip, never order: a batch
// that was handed over is not handed on, and where no answer comes, this process
// advances the counter itself. An answer that is late is a gap.
//
// A process that asks a rival itself must refuse to be asked (see [Peers.Rival]).
// So nobody waits in a ring, and everybody comes to ask the same one: whoever is
// refused tries by itself, loses, and reads in the record who is winning.
//
// Its methods may be called concurrently.
type Peers struct {
	source   Source
	ask      AskPeer // nil: this process is alone
	observer Observer

	mu     sync.Mutex
	rivals map[Key]string // who won the latest race for a key against us, and answers
}

// AskPeer hands the advance of key by n over to a rival: it blocks until that one
// has answered or ctx has ended. The rival makes it an [Advance] that is Direct.
// After an error ids may have been reserved, which nobody issues; it is AskPeer
// that tells the Observer of those.
type AskPeer func(ctx context.Context, rival string, key Key, n int) (Range, error)

const (
	// PeerTimeout bounds the wait for a rival's answer.
	PeerTimeout = 250 * time.Millisecond

	// maxRivals bounds the memory of rivals.
	maxRivals = 1 << 16
)

// newPeers returns the Starter that has source advance, or asks a rival; where
// ask is nil there are none. It tells observer (nil: nobody) of ids that a rival
// reserved for us and that can't be used.
func newPeers(source Source, ask AskPeer, observer Observer) *Peers {
	return &Peers{source: source, ask: ask, observer: observerOr(observer), rivals: map[Key]string{}}
}

// Start asks the key's rival, if there is one, and else tries by itself.
func (p *Peers) Start(a *Advance) {
	if a.Direct || p.ask == nil {
		p.source.Start(a)
		return
	}
	h := handovers.Get().(*handover)
	h.p, h.told, h.direct = p, a.Done, false
	a.Done = h
	if rival := p.Rival(a.Key); rival != "" {
		go h.ask(a, rival)
		return
	}
	a.Yield = true
	p.source.Start(a)
}

// Rival returns whom we ask to advance key, or "": as far as we know nobody wins
// against us.
func (p *Peers) Rival(key Key) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rivals[key]
}

// ForgetRivals makes the next advance of every key try by itself.
func (p *Peers) ForgetRivals() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.rivals)
}

// handover stands between an advance and who is told of it.
type handover struct {
	p      *Peers
	told   Advancer
	direct bool // from now on by compare-and-swap alone
}

var handovers = sync.Pool{New: func() any { return new(handover) }}

// Advanced hands the advance over if it lost, and else tells the outcome.
func (h *handover) Advanced(a *Advance, ids Range, err error) {
	var lost *LostRace
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
// comes, this process advances the counter.
func (h *handover) ask(a *Advance, rival string) {
	p := h.p
	ids, err := p.askWitnessed(a, rival)
	h.direct = true
	if err == nil {
		h.Advanced(a, ids, nil)
		return
	}
	p.forget(a.Key)
	a.Yield = false
	p.source.Start(a)
}

// askWitnessed holds what the rival reserves against what our Source has seen
// itself: after a rewind of the counters, one that knows less would reserve ids
// again that we have issued.
func (p *Peers) askWitnessed(a *Advance, rival string) (Range, error) {
	ctx, cancel := context.WithTimeout(a.Ctx, PeerTimeout)
	defer cancel()
	known := p.source.Known(a.Key)
	ids, err := p.ask(ctx, rival, a.Key, a.N)
	if err != nil {
		return Range{}, err
	}
	if ids.N != a.N {
		p.observer.Skipped(a.Key.Store, ids.N, GapHandover)
		return Range{}, fmt.Errorf("%d ids in place of %d", ids.N, a.N)
	}
	if ids.First <= known {
		p.observer.Skipped(a.Key.Store, ids.N, GapHandover)
		return Range{}, fmt.Errorf("ids from %d, which have been reserved before: %d was", ids.First, known)
	}
	p.source.Given(a.Key, ids)
	return ids, nil
}

func (p *Peers) remember(key Key, rival string) {
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

func (p *Peers) forget(key Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.rivals, key)
}
