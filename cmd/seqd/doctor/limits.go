package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/worker"
)

// roomy is the max_payload from which on a worker's statistics fit, whatever it
// serves: what discovery asks for is its largest answer by far.
const roomy = 16 << 10

// lookAtLimits has as many subscriptions at once as a worker has, and looks at
// the size of a message.
func (e *examination) lookAtLimits(ctx context.Context) {
	need := worker.Subscriptions(e.Stores)
	most := e.nc.MaxPayload()
	switch err := e.subscribeTo(ctx, need); {
	case errors.Is(err, nats.ErrMaxSubscriptionsExceeded):
		e.fail("nats.limits", "", fmt.Sprintf("this user may not have %d subscriptions at once, which a worker of these stores has: %v", need, err), raiseSubscriptions)
	case err != nil:
		e.skip("nats.limits", "", fmt.Sprintf("subscriptions can't be counted: %v", err), "")
	case !e.nc.HeadersSupported():
		e.fail("nats.limits", "", "the server supports no headers, which every error has: workers do not serve", allowHeaders)
	case most < worker.LeastPayload:
		e.fail("nats.limits", "", fmt.Sprintf("max_payload is %d bytes, and an answer takes up to %d", most, worker.LeastPayload), "raise max_payload of nats-server; its default is 1 MB")
	case most < roomy:
		e.warn("nats.limits", "", fmt.Sprintf("max_payload is %d bytes: errors are cut short, and what workers say about themselves may not fit", most), fmt.Sprintf("set max_payload of nats-server to %d or more; its default is 1 MB", roomy))
	default:
		e.ok("nats.limits", "", fmt.Sprintf("messages may have %s, and a worker of these stores may have its %d subscriptions", bytesOf(most), need))
	}
}

// subscribeTo holds n subscriptions, all to inboxes of its own. The error is
// that NATS does not let it.
func (e *examination) subscribeTo(ctx context.Context, n int) error {
	before := e.nc.LastError()
	for range n {
		sub, err := e.nc.Subscribe(e.nc.NewInbox(), func(*nats.Msg) {})
		if err != nil {
			return err
		}
		defer func() { _ = sub.Unsubscribe() }() // fails only if the connection is closed
	}
	if err := e.refusal(ctx, before); err != nil {
		return err
	}
	if err := e.nc.LastError(); err != before && errors.Is(err, nats.ErrMaxSubscriptionsExceeded) {
		return err
	}
	return nil
}

const allowHeaders = "take no_header_support out of nats-server's configuration, and restart it"

func bytesOf(n int64) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
