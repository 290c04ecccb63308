package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seqd-io/seqd/subjects"
)

// lookAtStreams looks for streams that capture requests. JetStream answers what a
// stream captures, so that a caller hears two answers, and may take JetStream's for
// the worker's.
func (e *examination) lookAtStreams(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	js, err := jetstream.New(e.nc)
	if err != nil {
		e.skip("nats.streams", "", fmt.Sprintf("streams can't be listed: %v", err), "")
		return
	}
	told := map[string]bool{}
	for _, s := range e.Stores {
		subject := subjects.Wildcard(e.Root, s.Name)
		streams := js.ListStreams(ctx, jetstream.WithStreamListSubject(subject))
		for stream := range streams.Info() {
			if stream.Config.NoAck || told[stream.Config.Name] {
				continue
			}
			told[stream.Config.Name] = true
			e.fail("nats.streams", "", fmt.Sprintf("stream %s captures %s, where requests for ids are sent: JetStream answers them too, and callers may take its answer for a worker's",
				stream.Config.Name, strings.Join(stream.Config.Subjects, ", ")),
				fmt.Sprintf("leave %s out of the stream's subjects, or have it send no acknowledgements (nats stream edit --no-ack)", subject))
		}
		switch err := streams.Err(); {
		case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
			return // there are none
		case err != nil:
			e.skip("nats.streams", "", fmt.Sprintf("streams can't be listed: %v", err), `run this as a user that may publish to "$JS.API.STREAM.LIST"`)
			return
		}
	}
	if len(told) == 0 {
		e.ok("nats.streams", "", "no stream captures requests")
	}
}
