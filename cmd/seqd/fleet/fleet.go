// Package fleet asks every worker that NATS reaches what it is and does, by the
// service discovery that they all answer ($SRV.INFO, $SRV.STATS).
package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/seqd-io/seqd/worker"
)

// How long answers are waited for. Nobody knows how many will come: the nats
// tool waits in the same way.
const (
	firstAnswer = time.Second
	nextAnswer  = 250 * time.Millisecond // after the one before
)

// What is kept of answers. Whoever may hear the question may answer it, as often as
// he likes.
const (
	MaxAnswers     = 1000      // workers
	maxAnswerBytes = 256 << 20 // of all; a worker says less than 1 KB of each store
)

// ErrTooMany is returned where more answers come than there can be workers.
var ErrTooMany = fmt.Errorf("more than %d answers or %d MB came: somebody else answers as workers do", MaxAnswers, maxAnswerBytes>>20)

// Answer is what one worker said, and when it came.
type Answer[T any] struct {
	Said T
	Came time.Time
}

// Infos asks all workers what they serve. It blocks until the answers have
// ended, or ctx has; no worker at all is no error.
func Infos(ctx context.Context, nc *nats.Conn) ([]Answer[micro.Info], error) {
	return gather[micro.Info](ctx, nc, micro.InfoVerb)
}

// Stats asks all workers what they have done. It blocks as Infos does.
func Stats(ctx context.Context, nc *nats.Conn) ([]Answer[micro.Stats], error) {
	return gather[micro.Stats](ctx, nc, micro.StatsVerb)
}

// gather skips what is not understood: it is somebody else's.
func gather[T any](ctx context.Context, nc *nats.Conn, verb micro.Verb) ([]Answer[T], error) {
	subject, err := micro.ControlSubject(verb, worker.ServiceName, "")
	if err != nil {
		return nil, fmt.Errorf("ask the workers: %w", err)
	}
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, fmt.Errorf("ask the workers: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only if the connection is closed
	before := nc.LastError()
	if err := nc.PublishRequest(subject, inbox, nil); err != nil {
		return nil, fmt.Errorf("ask the workers: %w", err)
	}
	// After this NATS has passed the question on, or has refused it.
	if err := flush(ctx, nc); err != nil {
		return nil, fmt.Errorf("ask the workers: %w", err)
	}
	if err := nc.LastError(); err != nil && !errors.Is(err, before) && errors.Is(err, nats.ErrPermissionViolation) {
		return nil, fmt.Errorf("ask the workers: %w", err)
	}
	var all []Answer[T]
	size := 0
	for wait := firstAnswer; ; wait = nextAnswer {
		m, err := next(ctx, sub, wait)
		switch {
		case ctx.Err() != nil:
			return all, fmt.Errorf("ask the workers: %w", context.Cause(ctx))
		case errors.Is(err, nats.ErrNoResponders), errors.Is(err, context.DeadlineExceeded):
			return all, nil
		case err != nil:
			return all, fmt.Errorf("ask the workers: %w", err)
		}
		if size += len(m.Data); len(all) == MaxAnswers || size > maxAnswerBytes {
			return all, fmt.Errorf("ask the workers: %w", ErrTooMany)
		}
		var said T
		if json.Unmarshal(m.Data, &said) == nil {
			all = append(all, Answer[T]{said, time.Now()})
		}
	}
}

func flush(ctx context.Context, nc *nats.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, firstAnswer)
	defer cancel()
	return nc.FlushWithContext(ctx)
}

func next(ctx context.Context, sub *nats.Subscription, wait time.Duration) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return sub.NextMsgWithContext(ctx)
}
