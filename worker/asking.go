package worker

import (
	"context"
	"crypto/rand"
	"sync"

	"github.com/nats-io/nats.go"
)

// asking is where the answers to what the worker asks come to. The zero value is
// ready for use, and safe for concurrent use.
type asking struct {
	waits sync.Map // reply subject -> chan *nats.Msg, with room for one
}

// newReply returns a new reply subject, of the kind that callers' clients make.
//
// Nobody may guess it. Callers choose where their answers go: one who could name
// what a worker waits on would have it take the ids of one key for another's. The
// inbox alone is no secret, as it is made like the worker's id, right after it.
func (w *Worker) newReply() string { return w.inbox + "." + rand.Text() }

// await has the answer to reply sent to answered, until forget is called.
func (a *asking) await(reply string) (answered <-chan *nats.Msg, forget func()) {
	c := make(chan *nats.Msg, 1)
	a.waits.Store(reply, c)
	return c, func() { a.waits.Delete(reply) }
}

// hearAnswer takes an answer to what the worker asks, or a word about what it has
// handed over.
func (w *Worker) hearAnswer(m *nats.Msg) {
	if !w.handovers.hears(m) && !w.clocks.hears(m) {
		w.asking.handle(m)
	}
}

// handle takes an answer.
func (a *asking) handle(m *nats.Msg) {
	if c, ok := a.waits.LoadAndDelete(m.Subject); ok {
		c.(chan *nats.Msg) <- m
	}
}

// ask sends a request and returns the answer. nats.go's own requests have a
// subscription that NATS may refuse and that is never asked for again; these
// have the one that watchNATS looks after.
func (w *Worker) ask(ctx context.Context, subject string, body []byte) (*nats.Msg, error) {
	reply := w.newReply()
	answered, forget := w.asking.await(reply)
	defer forget()
	if err := w.conn().PublishRequest(subject, reply, body); err != nil {
		return nil, err
	}
	select {
	case m := <-answered:
		return m, noResponders(m)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// noResponders returns nats.ErrNoResponders if m is NATS's word that nobody
// listens, else nil.
func noResponders(m *nats.Msg) error {
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return nats.ErrNoResponders
	}
	return nil
}
