package stamper_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/cmd/seqd/stamper"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/numbering"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// patience bounds what is sure to come.
const patience = pace.Patience

// The streams of every test.
const (
	sourceStream = "ORDERS"
	outputStream = "STAMPED"
	durable      = "stamper"
)

// rig is a nats-server with JetStream, or a cluster of some, an etcd, a worker,
// and the two streams.
type rig struct {
	nats    *servers.NATS       // or nil
	cluster servers.NATSCluster // or nil
	members *members            // or nil
	etcd    *servers.Etcd
	db      *clientv3.Client
	nc      *nats.Conn
	js      jetstream.JetStream
	doubt   time.Duration // of stampers; 0: their own, as some servers take some time to know what others do
	ahead   atomic.Int64  // by how many ns the workers' clocks are
}

// newRig starts one. change, which may be nil, gets the output stream's
// configuration before.
func newRig(t testing.TB, change func(*jetstream.StreamConfig)) *rig {
	t.Helper()
	return newRigWith(t, change, func(*server.Options) {})
}

// newRigWith is newRig with other options of the nats-server.
func newRigWith(t testing.TB, change func(*jetstream.StreamConfig), options func(*server.Options)) *rig {
	t.Helper()
	r := &rig{etcd: servers.StartEtcd(t), doubt: time.Second}
	r.db = r.etcd.Connect(t)
	dir := t.TempDir()
	r.nats = servers.StartNATS(t, func(o *server.Options) {
		o.JetStream, o.StoreDir = true, dir
		options(o)
	})
	r.connectAll(t, 1, change)
	return r
}

// newReplicatedRig starts one of three nats-servers, with both streams on all of
// them.
func newReplicatedRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{etcd: servers.StartEtcd(t), cluster: servers.StartNATSCluster(t, 3)}
	r.db = r.etcd.Connect(t)
	r.connectAll(t, 3, nil)
	return r
}

func (r *rig) connectAll(t testing.TB, replicas int, change func(*jetstream.StreamConfig)) {
	t.Helper()
	r.nc = r.connect(t, seqd.ConnectOptions()...)
	r.js = jetStream(t, r.nc)
	r.startWorker(t)
	r.addStream(t, jetstream.StreamConfig{Name: sourceStream, Subjects: []string{"orders.>"}, Replicas: replicas})
	output := jetstream.StreamConfig{Name: outputStream, Subjects: []string{"stamped.>"}, AllowAtomicPublish: true, Replicas: replicas}
	if change != nil {
		change(&output)
	}
	r.addStream(t, output)
}

// now is the time by the workers' clocks.
func (r *rig) now() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) }

func (r *rig) url() string {
	switch {
	case r.members != nil:
		return r.members.url()
	case r.cluster != nil:
		return r.cluster.URL()
	}
	return r.nats.URL
}

func (r *rig) connect(t testing.TB, options ...nats.Option) *nats.Conn {
	t.Helper()
	if r.nats != nil {
		return r.nats.Connect(t, options...)
	}
	// To any of the members; if that one goes, another one is looked for soon.
	nc, err := nats.Connect(r.url(), append(options, nats.ReconnectWait(50*time.Millisecond))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func jetStream(t testing.TB, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func (r *rig) addStream(t testing.TB, config jetstream.StreamConfig) {
	t.Helper()
	add := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := r.js.CreateStream(ctx, config)
		return err
	}
	err := add()
	if r.members != nil { // they may not have found each other yet
		await(t, "stream "+config.Name+" is made", func() bool {
			if err != nil {
				err = add()
			}
			return err == nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// startWorker runs a worker for every store until the returned function is
// called, or the test ends.
func (r *rig) startWorker(t testing.TB) (stop func()) {
	t.Helper()
	id := nuid.Next()
	quiet := slog.New(slog.DiscardHandler)
	rule, err := numbering.New(numbering.Config{Period: "year", Format: "T{yyyy}-{id:05}"})
	if err != nil {
		t.Fatal(err)
	}
	counter := etcd.NewCounter(r.db, etcd.Config{Writer: id, Log: quiet, Counting: func(k allocator.Key) (c etcd.Counting) {
		if k.Store == "tickets" {
			c.Limit, c.Period = rule.Limit(), func(time.Time) allocator.Period { return rule.Period(r.now()) }
		}
		return c
	}})
	t.Cleanup(counter.Close)
	w, err := worker.New(worker.Config{
		ID:       id,
		Now:      r.now,
		Connect:  func(options ...nats.Option) (*nats.Conn, error) { return nats.Connect(r.url(), options...) },
		Backends: []worker.Backend{{Counter: counter, Ready: counter.Ready, Stores: []worker.Store{{Name: subjects.AnyStore}, {Name: "tickets", Numbers: func(string) *numbering.Rule { return rule }}}}},
		Log:      quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := w.Run(ctx); err != nil {
			t.Errorf("worker: %v", err)
		}
	}()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	select {
	case <-w.Ready():
	case <-time.After(patience):
		t.Fatalf("the worker did not get ready: it is %s", w.State())
	}
	return stop
}

// addConsumer makes the durable that a stamper would make, with a short pin and
// ack wait, so that a successor need not wait long.
func (r *rig) addConsumer(t testing.TB, change func(*jetstream.ConsumerConfig)) {
	t.Helper()
	config := jetstream.ConsumerConfig{
		Durable:        durable,
		AckPolicy:      jetstream.AckExplicitPolicy,
		AckWait:        2 * time.Second,
		MaxDeliver:     -1,
		PriorityPolicy: jetstream.PriorityPolicyPinned,
		PriorityGroups: []string{stamper.PriorityGroup},
		PinnedTTL:      time.Second,
	}
	if change != nil {
		change(&config)
	}
	if _, err := r.js.CreateConsumer(t.Context(), sourceStream, config); err != nil {
		t.Fatal(err)
	}
}

// config is a stamper's with the key in the second token.
func config() stamper.Config {
	return stamper.Config{
		Stream:   sourceStream,
		Consumer: durable,
		Store:    "orders",
		Key:      stamper.KeyToken(2),
		To:       "stamped.{{subject}}",
	}
}

func newStamper(t testing.TB, nc *nats.Conn, c stamper.Config) (*stamper.Stamper, error) {
	t.Helper()
	return newStamperOn(t, jetStream(t, nc), nc, c)
}

func newStamperOn(t testing.TB, js jetstream.JetStream, nc *nats.Conn, c stamper.Config) (*stamper.Stamper, error) {
	t.Helper()
	client, err := seqd.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if c.Log == nil {
		c.Log = slog.New(logHandler(t))
	}
	return stamper.New(t.Context(), js, client, c)
}

func logHandler(t testing.TB) slog.Handler { return slog.NewTextHandler(logWriter{t}, nil) }

// logWriter writes to the test's log, while the test runs.
type logWriter struct{ testing.TB }

func (w logWriter) Write(b []byte) (int, error) {
	if w.Context().Err() == nil {
		w.Log(strings.TrimSpace(string(b)))
	}
	return len(b), nil
}

var _ io.Writer = logWriter{}

// started is a stamper that runs.
type started struct {
	*stamper.Stamper
	cancel context.CancelFunc
	ended  chan error
}

// start runs a stamper on a connection of its own.
func (r *rig) start(t testing.TB, c stamper.Config) *started {
	t.Helper()
	return r.startOn(t, r.connect(t, seqd.ConnectOptions()...), c)
}

func (r *rig) startOn(t testing.TB, nc *nats.Conn, c stamper.Config) *started {
	t.Helper()
	s, err := newStamper(t, nc, c)
	if err != nil {
		t.Fatal(err)
	}
	if r.doubt > 0 {
		s.SetDoubtTime(r.doubt)
	}
	return run(t, s)
}

func run(t testing.TB, s *stamper.Stamper) *started {
	ctx, cancel := context.WithCancel(context.Background())
	st := &started{Stamper: s, cancel: cancel, ended: make(chan error, 1)}
	go func() { st.ended <- s.Run(ctx) }()
	t.Cleanup(cancel)
	return st
}

// stop ends a stamper as SIGTERM would.
func (s *started) stop(t testing.TB) {
	t.Helper()
	s.cancel()
	if err := s.wait(t); err != nil {
		t.Errorf("the stamper ended with: %v", err)
	}
}

func (s *started) wait(t testing.TB) error {
	t.Helper()
	select {
	case err := <-s.ended:
		return err
	case <-time.After(patience):
		t.Fatal("the stamper did not end")
		return nil
	}
}

// publish puts n messages into the source, of keys key0, key1, … in turn, and
// returns when all are stored.
func (r *rig) publish(t testing.TB, n, keys int) {
	t.Helper()
	for i := range n {
		msg := nats.NewMsg(fmt.Sprintf("orders.key%d.new", i%keys))
		msg.Header.Set("Kind", "test")
		msg.Data = fmt.Appendf(nil, "payload %d", i)
		if _, err := r.js.PublishMsgAsync(msg); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-r.js.PublishAsyncComplete():
	case <-time.After(patience):
		t.Fatal("the source's messages were not stored")
	}
}

// await polls until ok, which says what it waits for.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	awaitFor(t, patience, what, ok)
}

func awaitFor(t testing.TB, patience time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// stampTen publishes ten messages and runs a stamper until the output has that
// many in all.
func (r *rig) stampTen(t testing.TB, all int) {
	t.Helper()
	r.publish(t, 10, 1)
	s := r.start(t, config())
	r.awaitOutput(t, all)
	s.stop(t)
}
