package worker

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/subjects"
)

// PeerSubject is what the worker with that id hears other workers' advances on,
// followed by store and key. See [allocator.Peers].
func PeerSubject(id string) string { return subjects.PeerRoot + "." + id + ".advance" }

// askPeer hands an advance over to a rival, by its worker id.
func (w *Worker) askPeer(ctx context.Context, rival string, key allocator.Key, n int) (allocator.Range, error) {
	ids, err := w.requestPeer(ctx, rival, key, n)
	if err == nil {
		w.handovers.answered.Add(1)
	} else {
		w.handovers.unanswered.Add(1)
		w.log.Debug("a rival did not answer; advancing the counter ourselves", "store", key.Store, "key", key.Name, "rival", rival, "err", err)
	}
	return ids, err
}

func (w *Worker) requestPeer(ctx context.Context, rival string, key allocator.Key, n int) (allocator.Range, error) {
	request := subjects.Request{N: n}
	m, err := w.ask(ctx, subjects.Subject(PeerSubject(rival), key.Store, key.Name), request.Append(nil))
	if err != nil {
		if !errors.Is(err, nats.ErrNoResponders) { // it has perhaps reserved them
			observer{w}.Skipped(key.Store, n, allocator.GapHandover)
		}
		return allocator.Range{}, err
	}
	reply, err := subjects.DecodeReply(m.Header, m.Data)
	return allocator.Range{First: reply.ID, N: reply.N}, err
}

// handlePeer adds another worker's advance to our next batch of that key. It
// does not block.
func (w *Worker) handlePeer(m *nats.Msg) {
	if !w.canAnswer(m.Reply) {
		w.noReply.Add(1)
		return
	}
	if m.Subject == w.probeSubject() {
		_ = w.conn().Publish(m.Reply, nil) // to ourselves: tryAnswer hears what becomes of it
		return
	}
	a := asked{reply: m.Reply, arrived: w.arrival(time.Now()), timeout: allocator.PeerTimeout}
	name, key, err := subjects.Parse(PeerSubject(w.config.ID), m.Subject)
	st := w.storeOf(name, nil)
	var req subjects.Request
	if err == nil {
		err = req.Decode(m.Header, m.Data)
	}
	if err == nil && st == nil {
		err = subjects.ErrBadRequest // not served here: a rival's record can't be ours
	}
	if err != nil {
		w.sendError(&a, err)
		return
	}
	k := allocator.Key{Store: name, Name: key}
	// A worker that is stopping would else be kept busy by its rivals for as long
	// as callers want the key.
	if w.draining.Load() || st.backend.issuer.Rival(k) != "" {
		w.sendError(&a, errNotWinning)
		return
	}
	c, ok := w.accept(st, k, req.N, &a)
	if !ok {
		w.sendError(&a, subjects.ErrBusy)
		return
	}
	st.backend.issuer.AllocateDirect(&c.Request)
}

var errNotWinning = &subjects.Error{Code: subjects.Unavailable, Text: "another worker is winning, or will be"}
