package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/nats-io/nuid"

	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// lookAtPermissions subscribes to what a worker subscribes to, and asks and
// answers itself as two workers do.
//
// Only for the requests it takes another subject: see probeSubject.
func (e *examination) lookAtPermissions(ctx context.Context) {
	id := "doctor-" + nuid.Next()
	refused := 0
	refuse := func(text, try string) {
		refused++
		e.fail("nats.permissions", "", text, try)
	}
	for _, s := range e.Stores {
		if err := e.maySubscribe(ctx, probeSubject(e.Root, s.Name), subjects.Queue); err != nil {
			subject := subjects.Wildcard(e.Root, s.Name)
			refuse(fmt.Sprintf("this user may not serve %s: %v", subject, err), fmt.Sprintf("allow it to subscribe to %q", subject+" "+subjects.Queue))
		}
	}
	for _, verb := range []micro.Verb{micro.PingVerb, micro.InfoVerb, micro.StatsVerb} {
		for _, scope := range [][2]string{{"", ""}, {worker.ServiceName, ""}, {worker.ServiceName, id}} {
			subject, err := micro.ControlSubject(verb, scope[0], scope[1])
			if err == nil {
				err = e.maySubscribe(ctx, subject, "")
			}
			if err != nil {
				refuse(fmt.Sprintf("this user may not be discovered by %s: %v", subject, err), fmt.Sprintf("allow it to subscribe to %q", micro.APIPrefix+".>"))
				break
			}
		}
	}
	if err := e.askMyself(ctx, id); err != nil {
		refuse(fmt.Sprintf("a worker with this user can neither hand work to other workers nor answer: %v", err),
			fmt.Sprintf("allow this user to publish and subscribe to %q, to subscribe to %q, and to publish to callers' inboxes (%q, or allow_responses)", subjects.PeerRoot+".>", "_INBOX.>", "_INBOX.>"))
	}
	if refused == 0 {
		names := make([]string, len(e.Stores))
		for i, s := range e.Stores {
			names[i] = subjects.Wildcard(e.Root, s.Name)
		}
		e.ok("nats.permissions", "", fmt.Sprintf("this user may serve %s, be discovered, and answer itself", strings.Join(names, ", ")))
	}
}

// probeSubject returns a subject that a user may subscribe to if and only if it
// may subscribe to what a worker hears the store's requests on, and that no
// request is ever sent to.
//
// A server holds the worker's seq.orders.> against a permission token by token,
// with > as if it were an ordinary token. So an ordinary token in the place of
// each wildcard gives the same outcome, unless a permission names that very
// token, which is random. As a key it is malformed, so that it can't be asked
// for. In the workers' queue group, which permissions may name, the real subject
// would take requests away from the workers.
func probeSubject(root, store string) string {
	nobodys := "=doctor-" + nuid.Next()
	if store == subjects.AnyStore {
		store = nobodys
	}
	return subjects.Subject(root, store, nobodys)
}

// maySubscribe subscribes and unsubscribes. The error is the server's refusal.
func (e *examination) maySubscribe(ctx context.Context, subject, queue string) error {
	before := e.nc.LastError()
	sub, err := e.nc.QueueSubscribe(subject, queue, func(*nats.Msg) {})
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only if the connection is closed
	return e.refusal(ctx, before)
}

// refusal returns what the server has said, since the connection's last error
// was before, to all that was sent to it.
func (e *examination) refusal(ctx context.Context, before error) error {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	if err := e.nc.FlushWithContext(ctx); err != nil {
		return err
	}
	return e.refusedSince(before)
}

func (e *examination) refusedSince(before error) error {
	if err := e.nc.LastError(); err != before && errors.Is(err, nats.ErrPermissionViolation) {
		return err
	}
	return nil
}

// askMyself sends a request to a worker's private subject and answers it: that
// takes all the permissions that a worker needs to answer callers whose inboxes
// are like its own.
func (e *examination) askMyself(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	before := e.nc.LastError()
	sub, err := e.nc.Subscribe(worker.PeerSubject(id)+".>", func(m *nats.Msg) { _ = m.Respond([]byte("ok")) })
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only if the connection is closed
	if err := e.refusal(ctx, before); err != nil {
		return err
	}
	// Not the client's own Request, which would wait for an answer that a refusal
	// has already made impossible.
	inbox := e.nc.NewInbox()
	answers, err := e.nc.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = answers.Unsubscribe() }()
	if err := e.refusal(ctx, before); err != nil {
		return err
	}
	if err := e.nc.PublishRequest(subjects.Subject(worker.PeerSubject(id), "doctor", "probe"), inbox, nil); err != nil {
		return err
	}
	if err := e.refusal(ctx, before); err != nil {
		return err
	}
	if _, err := answers.NextMsgWithContext(ctx); err != nil {
		if refused := e.refusedSince(before); refused != nil {
			return refused // to send the answer
		}
		return fmt.Errorf("no answer came back from this process itself: %w", err)
	}
	return nil
}
