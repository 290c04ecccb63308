package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// lookAtPeers looks whether somebody hears what workers hand over to each other. In
// it are callers' reply subjects and the subjects of words, which nobody can guess:
// whoever hears them can answer in a worker's place.
//
// A worker hears what has its own id. So nobody may hear what has an id that no
// worker has, and NATS then says that there are no responders.
func (e *examination) lookAtPeers(ctx context.Context) {
	if !e.nc.HeadersSupported() {
		e.skip("nats.peers", "", "a server without headers does not tell whether somebody listens", "")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	before := e.nc.LastError()
	_, err := e.nc.RequestWithContext(ctx, worker.PeerSubject("doctor-"+nuid.Next()), nil)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		e.ok("nats.peers", "", "nobody but workers hears what they hand over to each other")
	case e.refusedSince(before) != nil:
		e.skip("nats.peers", "", "can't be told: this user may not publish there", "")
	case err == nil, errors.Is(err, context.DeadlineExceeded):
		e.warn("nats.peers", "", "somebody hears what workers hand over to each other, or the server does not tell: who hears it can answer callers in a worker's place",
			fmt.Sprintf("let only workers subscribe to %q; whoever watches all subjects for a while does no harm, and behind a leaf node or a gateway this can't be told", subjects.PeerRoot+".>"))
	default:
		e.skip("nats.peers", "", fmt.Sprintf("can't be told: %v", err), "")
	}
}
