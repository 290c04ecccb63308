package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// Why an answer was lost, as metrics name it.
const (
	LostRefused  = "refused"   // by NATS, after it was sent: this user may not publish there
	LostTooLarge = "too_large" // it is larger than nats-server's max_payload
	LostUnsent   = "unsent"    // NATS was away
)

// LeastPayload is the number of bytes that an answer with one id has at most, in any
// format and without a nonce. With a smaller max_payload, few requests would be
// answered.
const LeastPayload = 64

// errNoHeaders says that nats-server takes no message with headers, as every error
// has them.
var errNoHeaders = errors.New("nats-server says that it supports no headers")

// errTooLarge is answered in place of ids whose answer NATS does not take. Without
// a word the caller would ask again, and use up as many ids each time.
var errTooLarge = &subjects.Error{Code: subjects.BadRequest, Text: "the answer is larger than NATS takes: ask for fewer ids at a time, or have max_payload raised"}

// answers tells whether what the worker answers gets through. NATS does not say
// so; it says, after the fact, what it has refused. A caller chooses where the
// answer goes, and may choose a subject that this user may never publish to. So
// a refusal only casts doubt, and then the worker asks itself.
type answers struct {
	refused, tooLarge, unsent atomic.Int64

	askedOnly atomic.Bool // NATS refuses answers to who has asked another worker

	trusted atomic.Bool           // nothing was refused since the worker last asked itself
	latest  atomic.Pointer[error] // refusal of an answer to a caller
	probe   atomic.Pointer[probe] // under way; nil: none

	// watchNATS owns these.
	seen  int64     // refused, when it last came to a verdict
	until time.Time // when to believe in answers again, where the worker can't ask itself
}

// probe is a question that the worker asks itself.
type probe struct {
	subject, reply string
	refused        chan error // has room for one: what NATS refuses of question or answer
}

// refuses reports whether err is NATS's refusal of what is published to subject.
func refusesPublish(err error, subject string) bool {
	return strings.Contains(err.Error(), fmt.Sprintf("Publish to %q", subject))
}

// lost counts an answer that could not be sent, and reports whether a smaller one
// could.
func (a *answers) lost(err error) (smaller bool) {
	if errors.Is(err, nats.ErrMaxPayload) {
		a.tooLarge.Add(1)
		return true
	}
	a.unsent.Add(1)
	return false
}

// doubtFor is how long a worker that can't ask itself stays out of the queue
// group for answers that were refused.
const doubtFor = 10 * time.Second

// tryAnswer returns NATS's refusal if the worker's answers don't get through. It
// asks only if something was refused since it last did.
func (w *Worker) tryAnswer(ctx context.Context, nc *nats.Conn) error {
	a := &w.answers
	if a.trusted.Load() {
		return nil
	}
	if time.Now().Before(a.until) {
		return *a.latest.Load()
	}
	refused := a.refused.Load()
	a.trusted.Store(true) // a refusal from now on takes it back
	refusal, err := w.askMyself(ctx, nc)
	if refusal == nil && err != nil && ctx.Err() == nil && nc.IsConnected() {
		w.complain("this worker can't ask itself whether its answers get through; serving all the same", "err", err,
			"hint", fmt.Sprintf("allow this user to publish and subscribe to %q, and to subscribe to its inbox, %q", subjects.PeerRoot+".>", w.inbox+".>"))
		// With permission to answer and for nothing else, as allow_responses alone
		// gives it, a message to an inbox is refused. Then what became of callers'
		// answers is all there is to go by.
		if refused > a.seen && w.inboxRefused(nc) {
			refusal, a.until = *a.latest.Load(), time.Now().Add(doubtFor)
		}
	}
	if refusal == nil && err == nil {
		w.learnWhom(nc)
	}
	a.seen = refused
	if refusal != nil {
		a.trusted.Store(false)
	}
	return refusal
}

// errAskedOnly says why requests of others are not taken.
var errAskedOnly = errors.New("NATS lets this worker answer only those whose requests it has delivered to it")

// learnWhom finds out whether this worker may answer callers who have asked
// another one. With allow_responses alone it may not; then it takes nothing that
// is handed over, and owns no keys.
func (w *Worker) learnWhom(nc *nats.Conn) {
	only := w.inboxRefused(nc)
	if only && !w.answers.askedOnly.Swap(true) {
		w.log.Warn("other workers can't hand requests over to this one, and it owns no keys", "err", errAskedOnly,
			"hint", `allow this user to publish to callers' inboxes, "_INBOX.>"; if callers are in other accounts, to "_R_.>" too`)
	}
	w.answers.askedOnly.Store(only)
}

// askMyself has the worker ask itself and answer to an inbox, as it answers
// callers. The refusal is NATS's, of the answer; err is that no answer came, for
// another reason.
func (w *Worker) askMyself(ctx context.Context, nc *nats.Conn) (refusal, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	p := &probe{subject: w.probeSubject(), reply: w.newReply(), refused: make(chan error, 1)}
	w.answers.probe.Store(p)
	defer w.answers.probe.Store(nil)
	answered, forget := w.asking.await(p.reply)
	defer forget()
	if err := nc.PublishRequest(p.subject, p.reply, nil); err != nil {
		return nil, err
	}
	select {
	case m := <-answered:
		return nil, noResponders(m)
	case err := <-p.refused:
		if refusesPublish(err, p.reply) {
			return err, err
		}
		return nil, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inboxRefused reports whether NATS refuses what is sent to an inbox unasked. Its
// refusal comes before the answer to a ping, and our handler of errors is told a
// moment later: where nothing at all was refused, nothing is waited for.
func (w *Worker) inboxRefused(nc *nats.Conn) bool {
	p := &probe{subject: w.newReply(), refused: make(chan error, 1)}
	w.answers.probe.Store(p)
	defer w.answers.probe.Store(nil)
	before := nc.LastError()
	if nc.Publish(p.subject, nil) != nil || nc.FlushTimeout(probeTimeout) != nil || nc.LastError() == before {
		return false
	}
	t := time.NewTimer(limitEcho)
	defer t.Stop()
	select {
	case <-p.refused:
		return true
	case <-t.C:
		return false
	}
}

// publishRefused hears that NATS has refused what was published.
func (w *Worker) publishRefused(err error) {
	a := &w.answers
	if p := a.probe.Load(); p != nil && (refusesPublish(err, p.subject) || refusesPublish(err, p.reply)) {
		select {
		case p.refused <- err:
		default:
		}
		return
	}
	if strings.Contains(err.Error(), `Publish to "`+subjects.PeerRoot+".") {
		w.complain("NATS refuses to hand requests over to another worker; each advances its counters alone, which is slower, and keys that another one owns can't be served", "err", err,
			"hint", fmt.Sprintf("allow this user to publish to %q", subjects.PeerRoot+".>"))
		w.handovers.giveUpAll() // no word will come
		return
	}
	a.refused.Add(1)
	a.latest.Store(&err)
	w.complain("NATS refuses an answer, and its caller gets none", "err", err,
		"hint", `allow this user to publish to callers' inboxes, "_INBOX.>"; if callers are in other accounts, to "_R_.>" too; with allow_responses alone, max must be -1`)
	if a.trusted.Swap(false) {
		w.lookSoon()
	}
}
