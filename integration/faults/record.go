package faults

import (
	"slices"
	"sync"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// ask is one request for ids, or one call of the Go client with all its
// attempts, as the caller saw it. The record guards it while it is under way.
type ask struct {
	allocatortest.Op // Start; End and Ids once there is an answer

	n       int
	call    bool   // of the Go client
	outcome string // of the time the caller waited: "" for ids, else one of these or a code of the wire
	answers int    // that came, also after that time
	done    chan struct{}
}

// Outcomes that are no code of the wire.
const (
	pending       = "pending"
	noAnswer      = "no answer"
	noResponders  = "no responders"
	notConnected  = "not connected"
	wrongAnswer   = "wrong answer"                 // to another request, or for another number of ids
	fromJetStream = "JetStream's answer"           // to a request that a stream has captured
	noRetryAfter  = "no word on when to ask again" // UNAVAILABLE has it always
)

// record is everything that callers asked and got. The zero value is empty. It
// is safe for concurrent use.
type record struct {
	history allocatortest.History // every answer with ids; and the clock

	mu          sync.Mutex
	asks        []*ask
	lastFailure int64
}

// begin notes a request that is about to be sent.
func (r *record) begin(a ask) *ask {
	a.outcome, a.done = pending, make(chan struct{})
	a.Start = r.history.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asks = append(r.asks, &a)
	return &a
}

// answer notes an answer to a: ids, or an outcome that says why not.
func (r *record) answer(a *ask, ids allocator.Range, outcome string) {
	now := r.history.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	a.answers++
	if outcome == "" {
		op := a.Op
		op.End, op.Ids = now, ids
		r.history.Add(op) // every answer counts as handed out, a late or second one too
	}
	if a.outcome != pending {
		return
	}
	if outcome == "" {
		a.Ids = ids
	}
	r.endLocked(a, now, outcome)
}

// acknowledge notes that JetStream has answered a: its caller takes no other answer.
// What a worker answers counts as handed out all the same.
func (r *record) acknowledge(a *ask) { r.giveUp(a, fromJetStream) }

// giveUp notes that a's caller did not wait any longer, or could not send.
func (r *record) giveUp(a *ask, outcome string) {
	now := r.history.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if a.outcome == pending {
		r.endLocked(a, now, outcome)
	}
}

// got reports whether a's caller got ids.
func (r *record) got(a *ask) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return a.outcome == ""
}

func (r *record) endLocked(a *ask, now int64, outcome string) {
	a.End, a.outcome = now, outcome
	if outcome != "" {
		r.lastFailure = now
	}
	close(a.done)
}

// served returns how many requests have got ids since from.
func (r *record) served(from int64) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.asks {
		if a.outcome == "" && a.End >= from {
			n++
		}
	}
	return n
}

// quiet returns how long it has been since from, or since a request failed last,
// whichever was later.
func (r *record) quiet(from int64) time.Duration {
	now := r.history.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Duration(now - max(from, r.lastFailure))
}

// all returns what was asked so far, in the order it was. What is still under
// way may change.
func (r *record) all() []ask {
	r.mu.Lock()
	defer r.mu.Unlock()
	asks := make([]ask, len(r.asks))
	for i, a := range r.asks {
		asks[i] = *a
	}
	slices.SortFunc(asks, func(a, b ask) int { return int(a.Start - b.Start) })
	return asks
}
