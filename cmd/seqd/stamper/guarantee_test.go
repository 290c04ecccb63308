package stamper_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/cmd/seqd/stamper"
	"github.com/seqd-io/seqd/integration/servers"
)

// shortWindow makes the output stream forget message ids at once, so that
// nothing is owed to JetStream's deduplication.
func shortWindow(c *jetstream.StreamConfig) { c.Duplicates = 100 * time.Millisecond }

// awaitForgotten waits until the output's duplicate window has passed for a
// message.
func (r *rig) awaitForgotten(t *testing.T, msgID string) {
	t.Helper()
	const wrongLastSequence = jetstream.JSErrCodeStreamWrongLastSequence
	await(t, "the duplicate window has passed", func() bool {
		// Of a batch the server looks for duplicates first.
		msg := &nats.Msg{Subject: "stamped.x", Header: nats.Header{jetstream.MsgIDHeader: {msgID}, jetstream.ExpectedLastSeqHeader: {"1000000"}}}
		_, err := jetstreamext.PublishMsgBatch(t.Context(), r.js, []*nats.Msg{msg})
		var api *jetstream.APIError
		return errors.As(err, &api) && api.ErrorCode == wrongLastSequence
	})
}

// A message that is redelivered when JetStream has long forgotten its
// Nats-Msg-Id is not published again.
func TestRedeliveredAfterWindow(t *testing.T) {
	r := newRig(t, shortWindow)
	r.addConsumer(t, nil)
	r.publish(t, 300, 3)
	s := r.start(t, config())
	r.awaitOutput(t, 300)
	s.stop(t)
	r.awaitForgotten(t, "ORDERS:300")

	// As if the stamper had been killed before it could acknowledge the last 200.
	if _, err := r.js.ResetConsumerToSequence(t.Context(), sourceStream, durable, 101); err != nil {
		t.Fatal(err)
	}
	s = r.start(t, config())
	r.publish(t, 10, 3)
	r.awaitOutput(t, 310)
	s.stop(t)
	r.verify(t)
	if got := s.Stats(); got.Duplicates != 200 || got.Stamped != 10 {
		t.Errorf("got %+v, want 200 duplicates and 10 stamped", got)
	}
}

// A stamper that died has left messages behind that the consumer gives out again
// only after its ack wait, and newer ones at once.
func TestOrderAfterCrash(t *testing.T) {
	r := newRig(t, nil)
	r.addConsumer(t, nil)
	r.publish(t, 20, 2)
	consumer, err := r.js.Consumer(t.Context(), sourceStream, durable)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := consumer.Fetch(5, jetstream.FetchPriorityGroup(stamper.PriorityGroup))
	if err != nil {
		t.Fatal(err)
	}
	for range batch.Messages() { // and is never heard of again
	}
	s := r.start(t, config())
	r.awaitOutput(t, 20)
	s.stop(t)
	r.verify(t)
}

// A batch of a stamper that was held up arrives after its successor has
// published the same messages, and JetStream has forgotten their ids.
func TestLateBatch(t *testing.T) {
	r := newRig(t, shortWindow)
	r.addConsumer(t, nil)
	r.publish(t, 50, 1)
	late := startBehind(t, r, (*servers.Proxy).Blackhole)
	late.awaitIDs(t, r)
	next := r.start(t, config())
	r.awaitOutput(t, 50)
	r.awaitForgotten(t, "ORDERS:50")
	late.heal(t)
	r.publish(t, 10, 1)
	r.awaitOutput(t, 60)
	next.stop(t)
	r.verify(t)
}

// The same, while its successor has published the first message only: none of
// the others may follow it, as their ids are older.
func TestLateBatchBetween(t *testing.T) {
	r := newRig(t, shortWindow)
	r.addConsumer(t, nil)
	r.publish(t, 50, 1)
	late := startBehind(t, r, (*servers.Proxy).Blackhole)
	drawn := late.awaitIDs(t, r)
	healed := make(chan struct{})
	c := config()
	c.Batch = 1
	c.Key = func(msg jetstream.Msg) (string, error) {
		if meta, _ := msg.Metadata(); meta.Sequence.Stream > 1 {
			<-healed
		}
		return stamper.KeyToken(2)(msg)
	}
	next := r.start(t, c)
	r.awaitOutput(t, 1)
	r.awaitForgotten(t, "ORDERS:1")
	late.heal(t)
	close(healed)
	r.awaitOutput(t, 50)
	next.stop(t)
	r.verify(t)
	first := r.read(t, outputStream)[0].Headers().Get(stamper.IDHeader)
	if id, err := strconv.ParseInt(first, 10, 64); err != nil || id <= drawn {
		t.Errorf("the first message has the id %s: the successor did not draw its own, above %d", first, drawn)
	}
}

// behind is a stamper whose way to JetStream a test can spoil.
type behind struct {
	*started
	proxy *servers.Proxy
	taken *atomic.Int64 // messages it has prepared; on a busy machine not all that are there
}

// startBehind starts one, and spoils its way between the time that it has fetched
// its first messages and the time that it draws ids and publishes.
func startBehind(t *testing.T, r *rig, spoil func(*servers.Proxy)) *behind {
	t.Helper()
	proxy := servers.StartProxy(t, strings.TrimPrefix(r.nats.URL, "nats://"))
	slow, err := nats.Connect("nats://"+proxy.Addr, append(seqd.ConnectOptions(), nats.ReconnectWait(50*time.Millisecond))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(slow.Close)
	client, err := seqd.New(r.nats.Connect(t)) // ids come past the proxy
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	taken := new(atomic.Int64)
	c := config()
	c.Log = slog.New(slog.NewTextHandler(logWriter{t}, nil))
	c.Key = func(msg jetstream.Msg) (string, error) {
		once.Do(func() { spoil(proxy) })
		taken.Add(1)
		return stamper.KeyToken(2)(msg)
	}
	s, err := stamper.New(t.Context(), jetStream(t, slow), client, c)
	if err != nil {
		t.Fatal(err)
	}
	st := &started{Stamper: s, cancel: func() {}, ended: make(chan error, 1)}
	go func() { st.ended <- s.Run(t.Context()) }()
	return &behind{st, proxy, taken}
}

// awaitIDs waits until the first messages' ids are drawn, so that a successor's
// are greater than the last, which it returns.
func (b *behind) awaitIDs(t *testing.T, r *rig) (last int64) {
	t.Helper()
	await(t, "the stamper has drawn its ids", func() bool { last = r.last(t, "key0"); return last > 0 })
	return last
}

// heal lets through what was held up, and returns when the stamper has noticed.
func (b *behind) heal(t *testing.T) {
	t.Helper()
	b.proxy.Heal()
	await(t, "its batch was refused, or took its turn", func() bool { return b.Stats().Failures > 0 || b.Stats().Stamped > 0 })
}

// last is the last id that etcd has given out of a key of the store orders.
func (r *rig) last(t *testing.T, key string) int64 {
	t.Helper()
	got, err := r.db.Get(t.Context(), "/seqd/v1/counters/orders/"+key)
	if err != nil || len(got.Kvs) == 0 {
		return 0
	}
	_, after, _ := strings.Cut(string(got.Kvs[0].Value), `"last":`)
	digits := after[:strings.IndexAny(after, ",}")]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// While the output can't take messages none is acknowledged. It has no room for
// one: with room for one, a batch of one would be published and acknowledged.
func TestAckAfterPublish(t *testing.T) {
	r := newRig(t, func(c *jetstream.StreamConfig) { c.MaxBytes, c.Discard = 1, jetstream.DiscardNew })
	r.addConsumer(t, nil)
	r.publish(t, 100, 2)
	s := r.start(t, config())
	await(t, "three rounds failed", func() bool { return s.Stats().Failures >= 3 })
	consumer, err := r.js.Consumer(t.Context(), sourceStream, durable)
	if err != nil {
		t.Fatal(err)
	}
	if got := consumer.CachedInfo().AckFloor.Stream; got != 0 {
		t.Errorf("messages up to %d are acknowledged, and none is published", got)
	}
	_, err = r.js.UpdateStream(t.Context(), jetstream.StreamConfig{Name: outputStream, Subjects: []string{"stamped.>"}, AllowAtomicPublish: true, Discard: jetstream.DiscardNew})
	if err != nil {
		t.Fatal(err)
	}
	r.awaitOutput(t, 100)
	s.stop(t)
	r.verify(t)
	if info, err := consumer.Info(t.Context()); err != nil || info.AckFloor.Stream != 100 || info.NumAckPending != 0 {
		t.Errorf("at the end: ack floor %v, %d pending, %v", info.AckFloor, info.NumAckPending, err)
	}
}

// One of two works; when it ends, the other goes on at once and not when a pin of
// ten seconds runs out.
func TestTakeOver(t *testing.T) {
	r := newRig(t, nil)
	r.addConsumer(t, func(c *jetstream.ConsumerConfig) { c.PinnedTTL = time.Hour })
	a, b := r.start(t, config()), r.start(t, config())
	r.publish(t, 50, 2)
	await(t, "one has stamped all", func() bool { return a.Stats().Stamped == 50 || b.Stats().Stamped == 50 })
	if b.Stats().Stamped > 0 {
		a, b = b, a
	}
	a.stop(t)
	r.publish(t, 50, 2)
	r.awaitOutput(t, 100)
	b.stop(t)
	r.verify(t)
	if a, b := a.Stats(), b.Stats(); a.Stamped != 50 || b.Stamped != 50 || a.Failures+b.Failures > 0 {
		t.Errorf("got %+v and %+v", a, b)
	}
}

// The output has taken a batch, and the stamper never hears of it.
func TestLostPublishAck(t *testing.T) {
	r := newRig(t, shortWindow)
	r.addConsumer(t, func(c *jetstream.ConsumerConfig) { c.PinnedTTL = time.Hour })
	r.publish(t, 50, 1)
	s := startBehind(t, r, (*servers.Proxy).DropResponses)
	s.awaitIDs(t, r)
	lost := s.taken.Load()
	r.awaitOutput(t, int(lost))
	r.awaitForgotten(t, fmt.Sprintf("ORDERS:%d", lost))
	s.proxy.Cut() // what was held back is lost
	s.heal(t)
	r.publish(t, 10, 1)
	r.awaitOutput(t, 60)
	await(t, "all is acknowledged", func() bool { lag, err := s.Lag(t.Context()); return err == nil && lag == 0 })
	r.verify(t)
	if got := s.Stats(); got.Stamped != 60-lost || got.Duplicates != lost {
		t.Errorf("got %+v, want %d stamped and %d that were already", got, 60-lost, lost)
	}
}

// A key that has run out of ids ends the run, and acknowledges nothing.
func TestRefused(t *testing.T) {
	r := newRig(t, nil)
	r.addConsumer(t, nil)
	r.publish(t, 1, 1)
	c := config()
	if _, err := r.db.Put(t.Context(), "/seqd/v1/counters/orders/key0", `{"fmt":1,"last":9223372036854775807,"by":"x"}`); err != nil {
		t.Fatal(err)
	}
	s := r.start(t, c)
	if err := s.wait(t); !errors.Is(err, seqd.ErrExhausted) {
		t.Errorf("got %v, want ErrExhausted", err)
	}
}
