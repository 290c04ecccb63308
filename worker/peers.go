package worker

import (
	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// PeerSubject is what the worker with that id hears other workers on.
func PeerSubject(id string) string { return subjects.PeerRoot + "." + id + ".requests" }

// handlePeer takes requests that another worker hands over. It does not block.
func (w *Worker) handlePeer(m *nats.Msg) {
	if !w.canAnswer(m.Reply) {
		w.noReply.Add(1)
		return
	}
	if m.Subject == w.probeSubject() {
		_ = w.conn().Publish(m.Reply, nil) // to ourselves: tryAnswer hears what becomes of it
	}
}
