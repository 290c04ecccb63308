package worker

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seqd-io/seqd/internal/backoff"
	"github.com/seqd-io/seqd/subjects"
)

// Worker answers requests for ids. Its exported methods are safe for concurrent
// use.
type Worker struct {
	config   Config
	log      *slog.Logger
	backends []*backend
	stores   map[string]*store // by configured name
	started  time.Time

	nc     atomic.Pointer[nats.Conn] // set by Run before it starts a goroutine, then by watchNATS
	ready  chan struct{}             // closed once, when every store is first served
	notify sync.Once                 // closes ready

	turn     chan struct{} // has room for one: who has a say with NATS about subscriptions
	limits   echo          // NATS says that there are too many subscriptions
	hearings atomic.Pointer[[]*hearing]
	deaf     atomic.Pointer[error]     // what NATS refuses of hearings
	deafTo   atomic.Int64              // how many of them
	bar      atomic.Pointer[bar]       // why no store may be in the queue group; nil: nothing
	anew     atomic.Bool               // there is a new connection, on which nothing was refused yet
	lame     atomic.Pointer[nats.Conn] // its server is about to stop; nil: none
	natsKick chan struct{}             // has room for one: look after the connection soon
	natsLoop loop                      // watchNATS'
	inbox    string                    // of answers to what the worker asks; set by Run
	asking   asking
	answers  answers

	connected     atomic.Bool // to NATS
	everConnected atomic.Bool
	draining      atomic.Bool
	waiting       atomic.Int64 // calls: accepted requests that are not answered yet
	waited        atomic.Int64 // nanoseconds that a call waited lately, while many did
	noReply       atomic.Int64 // requests without a usable reply subject
	pulse         pulse
	pauses        atomic.Int64 // times this process stood still
	pauseLoop     loop         // watchPauses'
	suspensions   atomic.Int64 // times the machine stood still, and our clock with it

	complaints complaints
	reconnects atomic.Int64 // to NATS
	handovers  handovers
	connecting connecting
	clocks     clocks
}

// New checks config and returns a Worker that Run will start.
func New(config Config) (*Worker, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	w := &Worker{
		config:  config,
		log:     config.Log.With("component", "worker"),
		stores:  map[string]*store{},
		started: time.Now(),
		ready:   make(chan struct{}),

		turn:     make(chan struct{}, 1),
		limits:   newEcho(),
		natsKick: make(chan struct{}, 1),
	}
	w.bar.Store(&bar{state: Starting})
	w.handovers.init(w)
	config.Log = w.log
	for _, b := range config.Backends {
		b := newBackend(w, b, config)
		w.backends = append(w.backends, b)
		for _, st := range b.stores {
			w.stores[st.Name] = st
		}
	}
	return w, nil
}

// ID returns the worker's name in discovery and in etcd.
func (w *Worker) ID() string { return w.config.ID }

// Ready is closed once the worker has been in the queue group for every store.
func (w *Worker) Ready() <-chan struct{} { return w.ready }

// State returns what the worker does. It is Serving if the worker serves every store,
// and otherwise the first other state.
func (w *Worker) State() State {
	if w.draining.Load() {
		return Draining
	}
	for _, b := range w.backends {
		for _, st := range b.stores {
			if s := st.currentState(); s != Serving {
				return s
			}
		}
	}
	if !w.connected.Load() {
		return Disconnected
	}
	return Serving
}

// Run serves until ctx ends. Then it leaves the queue group, answers what it has
// accepted, flushes, and returns nil. It waits for NATS and for the Counters, at the
// start and whenever they go away. An error says that the settings of the connection
// are wrong. Run must be called once.
func (w *Worker) Run(ctx context.Context) error {
	defer func() {
		for _, b := range w.backends {
			b.issuer.Stop()
		}
	}()
	w.introduce()
	nc, err := w.connect()
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	w.nc.Store(nc)
	defer func() { w.conn().Close() }()
	w.inbox = nc.NewInbox()
	w.handovers.introduce(w.inbox)
	hearings, err := w.hears()
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	w.hearings.Store(&hearings)

	handCtx, stopHanding := context.WithCancel(context.Background())
	var handing sync.WaitGroup
	handing.Go(func() { w.handovers.run(handCtx) })
	defer func() {
		stopHanding()
		handing.Wait()
	}()
	watchCtx, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	var watches sync.WaitGroup
	watches.Go(func() { w.watchNATS(watchCtx) })
	watches.Go(func() { w.watchPauses(watchCtx) })
	watches.Go(func() { w.watchDrops(watchCtx) })
	watches.Go(func() { w.watchClocks(watchCtx) })
	watches.Go(func() { w.watchConnecting(watchCtx) })
	for _, b := range w.backends {
		watches.Go(func() { b.watch(watchCtx, w) })
		watches.Go(func() { b.lease.keep(watchCtx) })
	}
	<-ctx.Done()
	stopWatching()
	watches.Wait()
	w.drain()
	return nil
}

// conn returns the connection to NATS. It is another one after nats.go has
// closed the one before for good.
func (w *Worker) conn() *nats.Conn { return w.nc.Load() }

// introduce says who this is, for whoever looks for the worker that a record or
// another log names.
func (w *Worker) introduce() {
	var stores []string
	for _, st := range w.sortedStores() {
		stores = append(stores, st.Name)
	}
	w.log.Info("this worker", "id", w.config.ID, "version", w.config.Version, "host", w.config.Host,
		"root", w.config.Root, "stores", strings.Join(stores, ","))
}

// drain ends the worker's work in an order that loses nothing: out of the queue
// group, until the last message that NATS had sent is handled; then until it has
// let go of its keys, and every accepted request is answered; then until the
// answers are with the server.
func (w *Worker) drain() {
	w.draining.Store(true)
	w.log.Info("draining", "waiting", w.waiting.Load())
	ctx, cancel := context.WithTimeout(context.Background(), w.config.DrainTimeout)
	defer cancel()

	var closing []<-chan struct{}
	for _, b := range w.backends {
		for _, st := range b.stores {
			if closed := st.leave(Draining); closed != nil {
				closing = append(closing, closed)
			}
		}
	}
	for _, closed := range closing {
		if !w.conn().IsConnected() {
			break // nothing comes and nothing can be sent
		}
		select {
		case <-closed:
		case <-ctx.Done():
		}
	}
	w.letGoAll(ctx)
	for w.waiting.Load() > 0 && backoff.Sleep(ctx, drainPoll) {
	}
	if n := w.waiting.Load(); n > 0 {
		w.log.Warn("drain timeout: the requests that still wait are answered UNAVAILABLE", "waiting", n)
	}
	w.handovers.giveUpAll()
	for _, b := range w.backends {
		b.issuer.Stop() // answers what still waits
	}
	if w.conn().IsConnected() {
		if err := w.conn().FlushTimeout(time.Second); err != nil {
			w.log.Warn("answers may be lost", "err", err)
		}
	}
	w.log.Info("drained")
}

const drainPoll = 2 * time.Millisecond

// storeOf returns the rules for a store's name; fallback if it has none.
func (w *Worker) storeOf(name string, fallback *store) *store {
	if st, ok := w.stores[name]; ok {
		return st
	}
	if st, ok := w.stores[subjects.AnyStore]; ok {
		return st
	}
	return fallback
}

// noteReady closes ready the first time every store is served.
func (w *Worker) noteReady() {
	if w.State() == Serving {
		w.notify.Do(func() { close(w.ready) })
	}
}

// sortedStores returns the stores in the order they are listed to people.
func (w *Worker) sortedStores() []*store {
	var all []*store
	for _, b := range w.backends {
		all = append(all, b.stores...)
	}
	slices.SortFunc(all, func(a, b *store) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return all
}
