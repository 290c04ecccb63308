package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/internal/backoff"
)

// backend is a Counter with what issues ids from it, and the watch over whether
// it can be written to.
type backend struct {
	Backend
	issuer *allocator.Issuer
	stores []*store
	log    *slog.Logger

	headroom *headroom
	lease    *lease
	owing    atomic.Int64 // calls of leased stores

	probed   atomic.Pointer[error] // what the latest probe came to; nil: none has ended
	refusals atomic.Int64          // requests refused since the latest probe that succeeded
	failing  atomic.Bool           // the latest probe did not succeed
	kick     chan struct{}         // has room for one: probe soon
	loop     loop                  // watch's
	coming   coming                // watch's
}

func newBackend(w *Worker, config Backend, c Config) *backend {
	b := &backend{
		Backend: config,
		log:     c.Log.With("backend", config.Name),
		kick:    make(chan struct{}, 1),
	}
	b.lease = newLease(w, b)
	b.headroom = &headroom{log: b.log, passed: map[allocator.Key]int{}}
	segments := map[string]allocator.Segments{}
	for _, s := range config.Stores {
		b.stores = append(b.stores, newStore(s, c.Root, b))
		segments[s.Name] = s.Segments
	}
	b.issuer = allocator.NewIssuer(config.Counter, allocator.IssuerConfig{
		Peers: true,
		Segments: func(k allocator.Key) allocator.Segments {
			if s, ok := segments[k.Store]; ok {
				return s
			}
			return segments["*"]
		},
		MaxKeys:  c.MaxKeys,
		Observer: observer{w},
		Revoked:  b.probeSoon, // and so the queue group is left, if it must be
	})
	return b
}

// refused notes that a request could not be served for want of the Counter.
func (b *backend) refused(err error) {
	b.refusals.Add(1)
	b.probeSoon()
	b.log.Debug("request refused", "err", err)
}

// probeSoon has watch probe the Counter without waiting for its time.
func (b *backend) probeSoon() {
	select {
	case b.kick <- struct{}{}:
	default:
	}
}

// How often the Counter is probed. A healthy one that is used needs no probing to
// be found out of reach: a request that can't be served has it probed at once.
// But a worker whose batches are advanced by its rivals, or that has none, hears
// from etcd by probes alone; what it has not heard of when a backup is restored,
// it can't miss, and it would go on.
const (
	probeTimeout = time.Second
	probeSpacing = 200 * time.Millisecond // at least, from one probe's end to the next
	probeEvery   = 800 * time.Millisecond // after that
)

// issued returns how many ids the stores have issued.
func (b *backend) issued() (n int64) {
	for _, st := range b.stores {
		n += st.stats.issued()
	}
	return n
}

// watch keeps the stores in the queue group while the Counter can be written
// to, and out of it while not, until ctx ends.
//
// A store leaves when the Counter is fenced; when a probe has failed, a request was
// refused, and memory does not serve others; or when a second probe has failed and
// no key is held in memory, or owned: an election may fail one.
func (b *backend) watch(ctx context.Context, w *Worker) {
	healthy := false
	var inMemory spending
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-b.kick:
		}
		b.loop.turn(w)
		err := b.probe(ctx)
		b.found(err)
		b.failing.Store(err != nil)
		if err == nil {
			inMemory = spending{issued: b.issued()}
		} else {
			inMemory.look(b.issued(), time.Now())
		}
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			b.refusals.Store(0)
			if !healthy {
				b.log.Info("counters can be written to")
			}
			b.joinAll(w)
			b.coming.came = true
		case errors.Is(err, allocator.ErrFenced), // and so nothing is in memory
			b.refusals.Load() > 0 && !inMemory.goesOn(time.Now()),
			!healthy && b.issuer.Keys() == 0 && b.issuer.LeaseLeft() <= 0:
			b.leaveAll(w, err)
		case healthy:
			b.log.Warn("counters can't be written to; serving from memory", "err", err)
		}
		healthy = err == nil
		if !backoff.Sleep(ctx, probeSpacing) {
			return
		}
		timer.Reset(probeEvery)
	}
}

func (b *backend) probe(ctx context.Context) error {
	if b.Ready == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return b.Ready(ctx)
}

// joinAll enters the queue group for the stores that are outside.
func (b *backend) joinAll(w *Worker) {
	var outside []*store
	for _, st := range b.stores {
		if st.currentState() != Serving {
			outside = append(outside, st)
		}
	}
	w.join(outside...)
	b.loop.turn(w) // many stores may take long
	w.noteReady()
}

// leaveAll leaves the queue group because of err.
func (b *backend) leaveAll(w *Worker, err error) {
	state, advice := stateFor(err), w.config.Advise(err)
	level, again := b.coming.level(err, advice, time.Since(w.started))
	for _, st := range b.stores {
		if st.currentState() == state && !again {
			continue
		}
		msg := "left the queue group: counters can't be written to"
		if st.leave(state) == nil {
			msg = "not serving yet: counters can't be written to"
		}
		b.log.Log(context.Background(), level, msg, "store", st.Name, "err", err, "hint", counterHint(state, advice))
	}
}

// stateFor returns the state of stores whose Counter can't be written to.
func stateFor(err error) State {
	if errors.Is(err, allocator.ErrFenced) {
		return Fenced
	}
	return Unavailable
}
