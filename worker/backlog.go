package worker

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/internal/backoff"
)

// backlog tells when the messages of a subscription came, for those that waited
// in nats.go's list before they were handled: nothing on them says so. Where a
// worker gets more than it can handle, that is most of their time.
//
// Now and then it marks how far the list goes: what stands in it by then has
// come by then. The subscription's goroutine owns it.
type backlog struct {
	handled int64 // messages, the one that is being handled included
	marks   [maxMarks]mark
	first   int // the mark that the next message stands under
	count   int
}

// mark says that the message with that number, and all before it, had come.
type mark struct {
	upTo int64
	at   time.Time
}

const (
	markEvery = 64 // messages: less than 0.5 ms of work
	maxMarks  = 512
)

// arrival returns when the message came that is handled now, give or take the
// time that markEvery messages take. left returns how many are not handled yet,
// this one included.
func (b *backlog) arrival(now time.Time, left func() int) time.Time {
	b.handled++
	if b.handled%markEvery == 0 && b.count < maxMarks {
		if n := left(); n > markEvery {
			b.marks[(b.first+b.count)%maxMarks] = mark{upTo: b.handled + int64(n) - 1, at: now}
			b.count++
		}
	}
	for b.count > 0 && b.marks[b.first].upTo < b.handled {
		b.first, b.count = (b.first+1)%maxMarks, b.count-1
	}
	if b.count == 0 {
		return now
	}
	return b.marks[b.first].at
}

// pendingBytes bounds what a subscription holds of messages that are not handled
// yet; MaxWaiting bounds their number, but not below its default: a short list
// would drop a burst that could have been refused.
const pendingBytes = 16 << 20

// limit bounds sub's list. As no handler blocks, what stands in it is what a
// burst brought, or more than the machine can handle. nats.go drops what comes
// beyond that, and its caller gets no answer: see watchDrops.
func (w *Worker) limit(sub *nats.Subscription) {
	_ = sub.SetPendingLimits(w.queueLimit(), pendingBytes) // fails only if sub is closed
}

// queueLimit is how many messages a subscription holds.
func (w *Worker) queueLimit() int { return max(w.config.MaxWaiting, DefaultMaxWaiting) }

// watchDrops logs that nats.go drops messages, when it begins and once a minute
// while it goes on. nats.go itself tells only of the first one in a row.
func (w *Worker) watchDrops(ctx context.Context) {
	logged, spoke := int64(0), time.Time{}
	for backoff.Sleep(ctx, time.Second) {
		dropped := int64(0)
		for _, st := range w.sortedStores() {
			dropped += st.dropped()
		}
		if dropped > logged && (spoke.IsZero() || time.Since(spoke) >= complaintEvery) {
			w.log.Error("requests were dropped without an answer: they come faster than this worker can refuse them",
				"dropped", dropped-logged, "total", dropped, "hint", "add workers")
			logged, spoke = dropped, time.Now()
		}
	}
}
