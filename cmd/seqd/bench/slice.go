package bench

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seqd-io/seqd/internal/backoff"
)

// Load is how hard a peer is asked: callers in closed loops, spread over keys.
// With fewer callers than keys each caller goes round its share of them.
type Load struct {
	Callers int `json:"callers"`
	Keys    int `json:"keys"`
}

// op is one answer. Stamps are ns since the engine's base: start was taken
// before the request was made, end after the answer had come.
type op struct {
	start, end int64
	first      int64
	n, key     int32
}

func (o op) last() int64 { return o.first + int64(o.n) - 1 }

// engine puts load on peers. Its memory is kept from slice to slice, so that
// recording leaves the garbage collector nothing to do. It is not safe for
// concurrent use.
type engine struct {
	base time.Time
	logs []*callerLog
	end  atomic.Int64 // callers begin no request from then on; a stamp
}

func newEngine() *engine { return &engine{base: time.Now()} }

func (e *engine) now() int64 { return int64(time.Since(e.base)) }

// slice is what one stretch of load brought: the callers' logs, valid until the
// next one, and the measured part of it.
type slice struct {
	logs     []*callerLog
	from, to int64 // stamps; to is not after from if nothing was measured
}

// run lets callers ask peer, for warm and then for length, until ctx ends at
// most. It returns when the last answer is there.
func (e *engine) run(ctx context.Context, peer Peer, load Load, warm, length time.Duration) slice {
	for len(e.logs) < load.Callers {
		e.logs = append(e.logs, new(callerLog))
	}
	runtime.GC() // nobody pays for another peer's garbage

	from := e.now() + int64(warm)
	e.end.Store(from + int64(length))
	stop := context.AfterFunc(ctx, func() {
		if now := e.now(); now < e.end.Load() {
			e.end.Store(now)
		}
	})
	defer stop()

	// Requests that are under way when ctx ends are not worth less for it.
	askCtx := context.WithoutCancel(ctx)
	var wg sync.WaitGroup
	for caller, log := range e.logs[:load.Callers] {
		log.reset()
		wg.Go(func() { e.call(ctx, askCtx, peer, load, caller, log) })
	}
	wg.Wait()
	return slice{logs: e.logs[:load.Callers], from: from, to: e.end.Load()}
}

// call is one caller.
func (e *engine) call(ctx, askCtx context.Context, peer Peer, load Load, caller int, log *callerLog) {
	key, step := caller%load.Keys, 0
	if load.Callers < load.Keys {
		step = load.Callers
	}
	for {
		start := e.now()
		if start >= e.end.Load() {
			return
		}
		first, n, err := peer.Ask(askCtx, caller, key)
		if err != nil {
			log.fail(err)
			if !backoff.Sleep(ctx, min(waitAfter(err), time.Duration(e.end.Load()-e.now()))) {
				return
			}
			continue
		}
		log.add(op{start: start, end: e.now(), first: first, n: int32(n), key: int32(key)})
		if step > 0 {
			key = (key + step) % load.Keys
		}
	}
}

// callerLog is what one caller saw in a slice. While the slice lasts it is the
// caller's own, so that no two callers share memory or a lock.
type callerLog struct {
	blocks   [][]op // the last one used is being filled; later ones wait, empty
	used     int
	failures failures
}

const opsPerBlock = 128 // 4 kB

func (l *callerLog) reset() {
	l.used, l.failures = 0, nil
	for i := range l.blocks {
		l.blocks[i] = l.blocks[i][:0]
	}
}

func (l *callerLog) add(o op) {
	if l.used == 0 || len(l.blocks[l.used-1]) == opsPerBlock {
		if l.used == len(l.blocks) {
			l.blocks = append(l.blocks, make([]op, 0, opsPerBlock))
		}
		l.used++
	}
	block := &l.blocks[l.used-1]
	*block = append(*block, o)
}

func (l *callerLog) fail(err error) {
	if l.failures == nil {
		l.failures = failures{}
	}
	l.failures.note(err)
}

// ops calls f with every answer of the slice.
func (s slice) ops(f func(caller int, o op)) {
	for caller, log := range s.logs {
		for _, block := range log.blocks[:log.used] {
			for _, o := range block {
				f(caller, o)
			}
		}
	}
}
