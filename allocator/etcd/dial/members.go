package dial

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
)

// members keeps a client away from the members of a cluster that don't answer,
// or that answer but can't reach the others, or that don't vote yet. The client
// itself sends every third transaction to such a member of three, for as long as
// the connection is not known to be dead: minutes, or for ever.
//
// Every second each member is asked something small, over a connection of its
// own. One that fails is taken from the client's endpoints, and the calls that
// are under way to it are cut: they are ambiguous, as after any lost connection.
// It comes back when it has answered three times in a row. If nobody answers,
// then it is not a member's fault, and the client has them all.
//
// So a member that falls silent is left 1.5 s later at the latest. What is asked
// is read from the member's memory as long as all is well, and costs the others
// nothing. It tells whether the member is there and knows a leader. Where
// something has failed lately, a transaction is asked for that changes nothing and
// that a majority has to agree to, as to any that writes: a member may answer
// reads and be unable to write. It costs them an entry in their logs.
//
// Quota and permissions are the same whichever member is asked: see
// allocator/etcd's Counter.Ready.
type members struct {
	client *clientv3.Client // whose endpoints are chosen
	conns  *conns           // the client's
	config Config           // of one who asks; its endpoints are still all of them
	log    *slog.Logger
	doubt  chan struct{} // has room for one: a call failed

	all   []*member // owned by run
	begun time.Time // when run was
}

// member is one endpoint. run owns it; a probe borrows it.
type member struct {
	endpoint string
	asking   *clientv3.Client // nil: to be opened
	in       bool             // among the client's endpoints
	answered int              // times in a row
	came     bool             // has ever answered
	missed   bool             // that it is out has been said
}

const (
	memberInterval = time.Second
	memberSpacing  = 500 * time.Millisecond // at least, between the beginnings of two rounds
	memberTimeout  = 500 * time.Millisecond
	memberReturn   = 3 // answers in a row
)

func newMembers(config Config, conns *conns) *members {
	m := &members{config: config, conns: conns, log: config.Log.With("component", "etcd"), doubt: make(chan struct{}, 1)}
	m.config.Username, m.config.Password = "", "" // see answers
	for _, endpoint := range config.Endpoints {
		m.all = append(m.all, &member{endpoint: endpoint, in: true})
	}
	return m
}

// intercept notes the client's calls that a sick member may have failed.
func (m *members) intercept(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, cc, opts...)
	if unfit(err) {
		select {
		case m.doubt <- struct{}{}:
		default:
		}
	}
	return err
}

// run asks the members until ctx ends.
func (m *members) run(ctx context.Context) {
	defer func() {
		for _, mb := range m.all {
			mb.hangUp()
		}
	}()
	m.begun = time.Now()
	timer := time.NewTimer(0) // at once: a learner would get every second transaction
	defer timer.Stop()
	doubtful := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-m.doubt:
			doubtful = true
		}
		begin := time.Now()
		doubtful = m.round(ctx, doubtful) || len(m.doubt) > 0
		select {
		case <-ctx.Done():
			return
		case <-time.After(memberSpacing - time.Since(begin)):
		}
		timer.Reset(memberInterval - time.Since(begin))
	}
}

// round asks everybody once and tells the client whom to use. It reports
// whether somebody did not answer.
func (m *members) round(ctx context.Context, thorough bool) (failed bool) {
	errs := make([]error, len(m.all))
	var probes sync.WaitGroup
	for i, mb := range m.all {
		probes.Go(func() { errs[i] = mb.probe(ctx, m.config, thorough || mb.answered < memberReturn) })
	}
	probes.Wait()
	if ctx.Err() != nil {
		return false
	}
	for i, mb := range m.all {
		if errs[i] == nil {
			mb.answered++
			mb.came = true
		} else {
			failed, mb.answered = true, 0
			mb.hangUp()
		}
	}
	left, entered := choose(m.all)
	m.tell(errs)
	if len(left)+len(entered) == 0 {
		return failed
	}
	var use []string
	for _, mb := range m.all {
		if mb.in {
			use = append(use, mb.endpoint)
		}
	}
	m.client.SetEndpoints(use...)
	for _, mb := range left {
		m.conns.cut(addrOf(mb.endpoint)) // now that nobody connects anew
	}
	return failed
}

// youngFor is how long etcd may take to come up, when it is started along with
// us, before that is worth a warning.
const youngFor = 10 * time.Second

// tell says who is left out and why, once, and who is used again.
func (m *members) tell(errs []error) {
	for i, mb := range m.all {
		switch {
		case mb.in && mb.missed:
			mb.missed = false
			m.log.Info("using an etcd member again", "endpoint", mb.endpoint)
		case mb.in || mb.missed || errs[i] == nil:
		case !mb.came && !isLearner(errs[i]) && time.Since(m.begun) < youngFor: // it may be about to come
			m.log.Debug("an etcd member can't be used yet", "endpoint", mb.endpoint, "err", errs[i])
		default:
			mb.missed = true
			m.log.Warn("an etcd member can't be used; using the others", "endpoint", mb.endpoint, "err", rpctypes.Error(errs[i]),
				"hint", m.config.Advise(&MemberError{mb.endpoint, errs[i]}))
		}
	}
}

// MemberError is why a member of a cluster can't be used, though others can.
type MemberError struct {
	Endpoint string
	Err      error
}

func (e *MemberError) Error() string { return "etcd member " + e.Endpoint + ": " + e.Err.Error() }
func (e *MemberError) Unwrap() error { return e.Err }

// choose decides who is in, and returns what has changed.
func choose(all []*member) (left, entered []*member) {
	proven, answers := 0, 0 // members that are, or may come, in; members that answer at all
	for _, mb := range all {
		if mb.answered > 0 {
			answers++
			if mb.in || mb.answered >= memberReturn {
				proven++
			}
		}
	}
	for _, mb := range all {
		in := false
		switch {
		case answers == 0: // nobody: it is not a member's fault
			in = true
		case proven == 0: // all that were in fell silent: better one that has just come back than none
			in = mb.answered > 0
		default:
			in = mb.answered > 0 && (mb.in || mb.answered >= memberReturn)
		}
		switch {
		case mb.in && !in:
			left = append(left, mb)
		case !mb.in && in:
			entered = append(entered, mb)
		}
		mb.in = in
	}
	return left, entered
}
