package worker

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/subjects"
)

// store is a configured store: its rules, its counters, and its place in the
// queue group.
type store struct {
	Store
	backend *backend
	subject string // of the subscription
	stats   stats
	waiting atomic.Int64 // requests that were accepted, and are not answered

	mu     sync.Mutex
	state  State
	why    error              // what NATS said, while it is Denied
	sub    *nats.Subscription // in the queue group; nil while outside
	closed chan struct{}      // closed when sub has handled its last message

	draining []*nats.Subscription // left, and perhaps not handled to the end

	droppedBefore int64 // by nats.go, from the subscriptions before sub
}

// State is what a worker does for a store.
type State string

// A store's states. Only a serving one is in the queue group.
const (
	Starting     State = "starting"     // nothing has been tried yet
	Serving      State = "serving"      // in the queue group
	Unavailable  State = "unavailable"  // etcd can't be reached or refuses writes
	Fenced       State = "fenced"       // etcd's history went backwards; an operator must act
	Denied       State = "denied"       // NATS refuses the subscription, or the answers
	Disconnected State = "disconnected" // NATS can't be reached
	Draining     State = "draining"     // the worker is stopping
)

func newStore(config Store, root string, b *backend) *store {
	if config.DefaultMode == subjects.DefaultMode {
		config.DefaultMode = subjects.Weak
	}
	if len(config.Modes) == 0 {
		config.Modes = []subjects.Mode{subjects.Strong, subjects.Weak}
	}
	if config.MaxCount == 0 {
		config.MaxCount = DefaultMaxCount
	}
	return &store{
		Store:   config,
		backend: b,
		subject: subjects.Wildcard(root, config.Name),
		state:   Starting,
	}
}

// allow checks a request against the store's rules and returns the mode to
// serve it in.
func (st *store) allow(mode subjects.Mode, n int) (subjects.Mode, *subjects.Error) {
	if mode == subjects.DefaultMode {
		mode = st.DefaultMode
	} else if !slices.Contains(st.Modes, mode) {
		return mode, &subjects.Error{Code: subjects.BadRequest, Text: fmt.Sprintf("mode %s is not allowed for this store, only %s", mode, joinModes(st.Modes))}
	}
	if n > st.MaxCount {
		return mode, &subjects.Error{Code: subjects.BadRequest, Text: fmt.Sprintf("n must be between 1 and %d for this store, not %d", st.MaxCount, n)}
	}
	return mode, nil
}

func joinModes(modes []subjects.Mode) string {
	names := make([]string, len(modes))
	for i, m := range modes {
		names[i] = m.String()
	}
	return strings.Join(names, " and ")
}

// open enters the queue group. The store does not count as serving before
// joined.
func (st *store) open(w *Worker, nc *nats.Conn) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.sub != nil {
		return nil
	}
	sub, closed, err := st.listen(w, nc)
	if err != nil {
		return err
	}
	st.sub, st.closed = sub, closed
	return nil
}

// listen subscribes to the store's requests. closed is closed when the subscription
// has handled its last message.
func (st *store) listen(w *Worker, nc *nats.Conn) (sub *nats.Subscription, closed chan struct{}, err error) {
	s := &subscriber{w: w, store: st, scratch: make([]byte, 0, 128), out: outboxes{w: w}}
	sub, err = nc.QueueSubscribe(st.subject, subjects.Queue, s.handle)
	if err != nil {
		return nil, nil, fmt.Errorf("subscribe %s: %w", st.subject, err)
	}
	w.limit(sub)
	closed = make(chan struct{})
	sub.SetClosedHandler(func(string) { // on the subscription's goroutine, after the last message
		s.out.flush()
		close(closed)
	})
	return sub, closed, nil
}

func (st *store) topic() (subject, queue string) { return st.subject, subjects.Queue }

// drop leaves the queue group, which NATS perhaps never let st enter.
func (st *store) drop() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.outLocked(false)
}

// joined notes that NATS knows of the subscription; it is false if st has left
// meanwhile.
func (st *store) joined() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.sub == nil {
		return false
	}
	st.state, st.why = Serving, nil
	st.backend.lease.look()
	return true
}

// leave leaves the queue group for the reason state tells. Messages that have
// arrived are still handled; closed tells when the last one was, and is nil if
// st was not in the group.
func (st *store) leave(state State) (closed <-chan struct{}) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.state, st.why = state, nil
	return st.outLocked(false)
}

// deny leaves the queue group, as NATS refuses what is needed to serve, and says
// so if it is new.
func (st *store) deny(b *bar) {
	st.mu.Lock()
	before := st.state
	st.state, st.why = Denied, b.why
	st.outLocked(false)
	st.mu.Unlock()
	if before != Denied {
		st.backend.log.Error(b.msg, "store", st.Name, "err", b.why, "hint", b.hint)
	}
}

// cut is told that the connection is lost, and the queue group with it. What
// has come and is not handled is given up: it could not be answered.
//
// It must not be left to nats.go, which sends every subscription again once it
// is connected: one that is being drained it forgets then without telling NATS,
// which goes on sending it requests that nobody hears.
func (st *store) cut() {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, sub := range st.draining {
		_ = sub.Unsubscribe() // fails only if it or the connection is closed
	}
	st.draining = nil
	st.outLocked(true)
	if st.state == Serving || st.state == Denied {
		st.state, st.why = Disconnected, nil
	}
}

func (st *store) outLocked(cut bool) (closed <-chan struct{}) {
	if st.sub == nil {
		return nil
	}
	closed = st.retireLocked(cut)
	if st.Leased {
		st.backend.lease.left()
	}
	return closed
}

// retireLocked ends the subscription, and tells of its last message as leave does.
func (st *store) retireLocked(cut bool) (closed <-chan struct{}) {
	n, _ := st.sub.Dropped()
	st.droppedBefore += int64(n)
	if cut {
		_ = st.sub.Unsubscribe()
	} else {
		_ = st.sub.Drain() // both fail only if it or the connection is closed: then nothing comes either
		st.draining = append(slices.DeleteFunc(st.draining, func(s *nats.Subscription) bool { return !s.IsValid() }), st.sub)
	}
	closed = st.closed
	st.sub = nil
	return closed
}

// emptied reports whether all that st had got when it left the queue group is
// handled.
func (st *store) emptied() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return !slices.ContainsFunc(st.draining, (*nats.Subscription).IsValid)
}

// refusal returns what NATS said, if that is why the store is denied.
func (st *store) refusal() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.why
}

func (st *store) currentState() State {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.state
}
