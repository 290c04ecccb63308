package stamper_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seqd-io/seqd/cmd/seqd/stamper"
)

func TestBadMessages(t *testing.T) {
	r := newRig(t, func(c *jetstream.StreamConfig) { c.MaxMsgSize = 2000 })
	r.addConsumer(t, nil)
	for _, m := range []struct{ subject, key, data string }{
		{"orders.a", "one", "1"},
		{"orders.b", "", "no key"},
		{"orders.c", "space", "3"},
		{"orders.d", strings.Repeat("x", 201), "long"},
		{"orders.e", "five", strings.Repeat("x", 1500)},
		{"orders.f", "发票/2026", "6"},
	} {
		msg := nats.NewMsg(m.subject)
		if m.key != "" {
			msg.Header = nats.Header{"K": {m.key}}
		}
		msg.Data = []byte(m.data)
		if _, err := r.js.PublishMsg(t.Context(), msg); err != nil {
			t.Fatal(err)
		}
	}
	c := config()
	c.Key = func(msg jetstream.Msg) (string, error) {
		key, err := stamper.KeyHeader("K")(msg)
		if key == "space" {
			key += " "
		}
		return key, err
	}
	s := r.start(t, c)
	err := s.wait(t)
	if !errors.Is(err, stamper.ErrBadMessage) || !strings.Contains(err.Error(), `ORDERS:2, subject orders.b: it has no header "K"`) {
		t.Errorf("got %v", err)
	}
	if got := r.stored(t, outputStream); got != 1 {
		t.Errorf("%d messages are out, want the one before the bad one", got)
	}

	c.SkipBad = true
	s = r.start(t, c)
	r.awaitOutput(t, 2)
	s.stop(t)
	if got := s.Stats().Skipped; got != 4 {
		t.Errorf("%d messages skipped, want 4", got)
	}
	out := r.read(t, outputStream)
	if got := out[1].Headers().Get(stamper.KeyHeaderName); got != "发票/2026" {
		t.Errorf("got key %q", got)
	}
	consumer, err := r.js.Consumer(t.Context(), sourceStream, durable)
	if err != nil {
		t.Fatal(err)
	}
	if info := consumer.CachedInfo(); info.NumAckPending != 0 || info.AckFloor.Stream != 6 {
		t.Errorf("the consumer is at %v, %d pending", info.AckFloor, info.NumAckPending)
	}
}

// Each error says what is wrong and what to change.
func TestNewRefuses(t *testing.T) {
	r := newRig(t, nil)
	for name, c := range map[string]struct {
		output   *jetstream.StreamConfig   // in place of STAMPED
		consumer *jetstream.ConsumerConfig // made before
		change   func(*stamper.Config)
		want     []string
	}{
		"no source":  {change: func(c *stamper.Config) { c.Stream = "NONE" }, want: []string{"no source stream NONE", "nats stream ls"}},
		"no output":  {change: func(c *stamper.Config) { c.To = "elsewhere.x" }, want: []string{"no stream captures the output subject elsewhere.x", "nats stream add", "--allow-batch"}},
		"loop":       {change: func(c *stamper.Config) { c.To = "orders.stamped" }, want: []string{"loop", sourceStream}},
		"batch":      {change: func(c *stamper.Config) { c.Batch = 1001 }, want: []string{"1 to 1000"}},
		"store":      {change: func(c *stamper.Config) { c.Store = "a.b" }, want: []string{"store"}},
		"no key":     {change: func(c *stamper.Config) { c.Key = nil }, want: []string{"key"}},
		"part":       {output: &jetstream.StreamConfig{Subjects: []string{"stamped.orders.a"}, AllowAtomicPublish: true}, want: []string{"captures only part", "stamped.>"}},
		"not atomic": {output: &jetstream.StreamConfig{Subjects: []string{"stamped.>"}}, want: []string{"atomic", "nats stream edit STAMPED --allow-batch"}},
		"work queue": {output: &jetstream.StreamConfig{Subjects: []string{"stamped.>"}, AllowAtomicPublish: true, Retention: jetstream.WorkQueuePolicy}, want: []string{"retention", "limits"}},
		"no ack":     {output: &jetstream.StreamConfig{Subjects: []string{"stamped.>"}, AllowAtomicPublish: true, NoAck: true}, want: []string{"no_ack"}},
		"markers": {output: &jetstream.StreamConfig{Subjects: []string{"stamped.>"}, AllowAtomicPublish: true, AllowMsgTTL: true, SubjectDeleteMarkerTTL: time.Minute, MaxAge: time.Hour},
			want: []string{"the server writes delete markers into it", "nats stream edit STAMPED --subject-del-markers-ttl=0s"}},
		"schedules": {output: &jetstream.StreamConfig{Subjects: []string{"stamped.>"}, AllowAtomicPublish: true, AllowMsgSchedules: true}, want: []string{"it allows schedules", "--allow-schedules"}},
		"counters":  {output: &jetstream.StreamConfig{Subjects: []string{"stamped.>"}, AllowAtomicPublish: true, AllowMsgCounter: true}, want: []string{"a stream of counters", "--allow-counter"}},
		"sources":   {output: &jetstream.StreamConfig{Subjects: []string{"stamped.>"}, AllowAtomicPublish: true, Sources: []*jetstream.StreamSource{{Name: "X"}}}, want: []string{"it has sources"}},
		"republish": {output: &jetstream.StreamConfig{Subjects: []string{"stamped.>"}, AllowAtomicPublish: true, RePublish: &jetstream.RePublish{Source: ">", Destination: "orders.again.>"}},
			want: []string{"it republishes to orders.again.>, which belongs to the source stream ORDERS: a loop"}},
		"pull bytes": {consumer: &jetstream.ConsumerConfig{Durable: "bytes", AckPolicy: jetstream.AckExplicitPolicy, MaxRequestMaxBytes: 1 << 20, PriorityPolicy: jetstream.PriorityPolicyPinned, PriorityGroups: []string{stamper.PriorityGroup}},
			change: func(c *stamper.Config) { c.Consumer = "bytes" },
			want:   []string{"max pull bytes, 1048576, are below 8388608"}},
		"consumer": {consumer: &jetstream.ConsumerConfig{Durable: durable, AckPolicy: jetstream.AckAllPolicy, MaxDeliver: 3, MaxAckPending: 10, FilterSubject: "orders.a"},
			change: func(c *stamper.Config) { c.Filters = []string{"orders.b"} },
			want: []string{"ack policy", "after 3 deliveries", "pinned_client", "max ack pending, 10", `filter is ["orders.a"], not ["orders.b"]`,
				"nats consumer rm ORDERS stamper -f"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.output != nil {
				_ = r.js.DeleteStream(t.Context(), outputStream)
				c.output.Name = outputStream
				r.addStream(t, *c.output)
			}
			if c.consumer != nil {
				if _, err := r.js.CreateConsumer(t.Context(), sourceStream, *c.consumer); err != nil {
					t.Fatal(err)
				}
			}
			config := config()
			if c.change != nil {
				c.change(&config)
			}
			_, err := newStamper(t, r.nc, config)
			if err == nil {
				t.Fatal("it was accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\nlacks %q", err, want)
				}
			}
			if c.output != nil {
				_ = r.js.DeleteStream(t.Context(), outputStream)
				r.addStream(t, jetstream.StreamConfig{Name: outputStream, Subjects: []string{"stamped.>"}, AllowAtomicPublish: true})
			}
		})
	}
}

// evidence puts a message into the output by hand.
func (r *rig) evidence(t *testing.T, header nats.Header) {
	t.Helper()
	if _, err := r.js.PublishMsg(t.Context(), &nats.Msg{Subject: "stamped.x", Header: header}); err != nil {
		t.Fatal(err)
	}
}

func TestStrangersInOutput(t *testing.T) {
	for name, c := range map[string]struct {
		header nats.Header
		want   string
	}{
		"no stamper's":   {nil, "nats stream rmm STAMPED 1"},
		"other stream":   {nats.Header{"Nats-Msg-Id": {"OTHER:5"}, stamper.StamperHeader: {durable}}, "stream OTHER, consumer stamper, and not"},
		"other consumer": {nats.Header{"Nats-Msg-Id": {"ORDERS:5"}, stamper.StamperHeader: {"another"}}, "its own output stream"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			r.addConsumer(t, nil)
			r.evidence(t, c.header)
			r.publish(t, 1, 1)
			err := r.start(t, config()).wait(t)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// The output has lost its last message, as when it expires.
func TestOutputEmptied(t *testing.T) {
	r := newRig(t, shortWindow)
	purge := func() {
		t.Helper()
		out, err := r.js.Stream(t.Context(), outputStream)
		if err != nil {
			t.Fatal(err)
		}
		if err := out.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.addConsumer(t, nil)
	r.publish(t, 20, 2)
	s := r.start(t, config())
	r.awaitOutput(t, 20)
	s.stop(t)

	// It was noted where it was: nothing is published again.
	purge()
	if _, err := r.js.ResetConsumerToSequence(t.Context(), sourceStream, durable, 11); err != nil {
		t.Fatal(err)
	}
	s = r.start(t, config())
	r.publish(t, 5, 2)
	r.awaitOutput(t, 5)
	s.stop(t)
	if got := s.Stats(); got.Stamped != 5 || got.Duplicates != 10 {
		t.Errorf("got %+v, want 10 duplicates and 5 stamped", got)
	}

	// Without a note, or with one of an older position, nobody can tell.
	purge()
	consumer, err := r.js.Consumer(t.Context(), sourceStream, durable)
	if err != nil {
		t.Fatal(err)
	}
	for _, metadata := range []map[string]string{nil, {"seqd-position": "20 20"}} {
		altered := consumer.CachedInfo().Config
		altered.Metadata = metadata
		if _, err := r.js.UpdateConsumer(t.Context(), sourceStream, altered); err != nil {
			t.Fatal(err)
		}
		err = r.start(t, config()).wait(t)
		if err == nil || !strings.Contains(err.Error(), "--start-seq") {
			t.Errorf("with %v: got %v", metadata, err)
		}
	}
	again := config()
	if err := r.js.DeleteConsumer(t.Context(), sourceStream, durable); err != nil {
		t.Fatal(err)
	}
	if _, err := newStamper(t, r.nc, again); err == nil || !strings.Contains(err.Error(), "--start-seq") {
		t.Errorf("got %v", err)
	}
	again.StartSeq = 24
	r.awaitForgotten(t, "ORDERS:24")
	r.awaitForgotten(t, "ORDERS:25")
	s = r.start(t, again)
	r.awaitOutput(t, 2)
	s.stop(t)
	if got, want := fmt.Sprint(r.read(t, outputStream)[0].Headers().Get("Nats-Msg-Id")), "ORDERS:24"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A consumer that is removed ends the run; the next one makes it again, and
// goes on behind what is in the output.
func TestConsumerRemoved(t *testing.T) {
	r := newRig(t, nil)
	r.publish(t, 20, 2)
	s := r.start(t, config())
	r.awaitOutput(t, 20)
	if err := r.js.DeleteConsumer(t.Context(), sourceStream, durable); err != nil {
		t.Fatal(err)
	}
	if err := s.wait(t); err == nil || !strings.Contains(err.Error(), "started again") {
		t.Errorf("got %v", err)
	}
	s = r.start(t, config())
	r.publish(t, 20, 2)
	r.awaitOutput(t, 40)
	s.stop(t)
	r.verify(t)
	if got := s.Stats(); got.Stamped != 20 || got.Duplicates != 0 {
		t.Errorf("got %+v", got)
	}
}
