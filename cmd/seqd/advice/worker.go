package advice

import (
	"errors"

	"github.com/seqd-io/seqd/worker"
)

// aboutWorker returns what to try about an error that a worker names itself.
func aboutWorker(err error) string {
	connection, ok := errors.AsType[*worker.NATSError](err)
	switch {
	case ok:
		return NATS(connection.Err)
	case errors.Is(err, worker.ErrNoNATS):
		return "start nats-server, or set --nats-url"
	case errors.Is(err, worker.ErrFencedRequest):
		return "if it is this key alone: seqd admin raise STORE KEY --to N; else see the line about the queue group"
	}
	return ""
}
