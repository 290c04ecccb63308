package stamper_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/cmd/seqd/stamper"
)

// A nats-server that takes 100 messages in a batch refused one of 256 every three
// seconds for ever, and 256 ids were gone each time. What is refused again until
// somebody changes something ends the stamper, which says what.
func TestRefusedForGood(t *testing.T) {
	for name, c := range map[string]struct {
		options func(*server.Options)
		spoil   func(t *testing.T, r *rig) // when the stamper has stamped one message
		want    []string
	}{
		"batch of 100": {
			options: func(o *server.Options) { o.JetStreamLimits.MaxBatchSize = 100 },
			want:    []string{"start with --batch 100", "max_msgs"},
		},
		"sealed": {
			spoil: func(t *testing.T, r *rig) { r.edit(t, func(c *jetstream.StreamConfig) { c.Sealed = true }) },
			want:  []string{"sealed stream", "--consumer, --to"},
		},
		"no atomic publishes": {
			spoil: func(t *testing.T, r *rig) {
				r.edit(t, func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false })
			},
			want: []string{"nats stream edit STAMPED --allow-batch"},
		},
		"smaller messages": {
			spoil: func(t *testing.T, r *rig) { r.edit(t, func(c *jetstream.StreamConfig) { c.MaxMsgSize = 20 }) },
			want:  []string{"ORDERS:2", "STAMPED takes 20 (its max_msg_size", "--on-bad skip"},
		},
		"another stream": {
			spoil: func(t *testing.T, r *rig) {
				r.edit(t, func(c *jetstream.StreamConfig) { c.Subjects = []string{"elsewhere.>"} })
				r.addStream(t, jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"stamped.>"}, AllowAtomicPublish: true})
			},
			want: []string{"belongs to another stream now"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			options := c.options
			if options == nil {
				options = func(*server.Options) {}
			}
			r := newRigWith(t, shortWindow, options)
			r.addConsumer(t, nil)
			s := r.start(t, config())
			r.publish(t, 1, 1)
			r.awaitOutput(t, 1)
			lag(t, s, 0)
			s.stop(t)
			hold, release := r.held(t)
			r.publish(t, 150, 1)
			s = r.start(t, hold)
			if c.spoil != nil {
				c.spoil(t, r)
			}
			release()
			err := s.wait(t)
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
			// A batch is what has come by then, which may be fewer than the limit.
			if got := r.stored(t, outputStream); got != 1 && (c.options == nil || got > 100) {
				t.Errorf("%d messages in the output", got)
			}
		})
	}
}

// held is a configuration of a stamper that comes to its first message when it is
// released.
func (r *rig) held(t *testing.T) (c stamper.Config, release func()) {
	t.Helper()
	free := make(chan struct{})
	c = config()
	c.Key = func(msg jetstream.Msg) (string, error) {
		<-free
		return stamper.KeyToken(2)(msg)
	}
	return c, func() { close(free) }
}

// edit changes the output stream.
func (r *rig) edit(t testing.TB, change func(*jetstream.StreamConfig)) {
	t.Helper()
	r.editStream(t, outputStream, change)
}

func (r *rig) editStream(t testing.TB, name string, change func(*jetstream.StreamConfig)) {
	t.Helper()
	stream, err := r.js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	has := stream.CachedInfo().Config
	change(&has)
	if _, err := r.js.UpdateStream(t.Context(), has); err != nil {
		t.Fatal(err)
	}
}

// What may pass is tried again with the ids that were drawn: a full output burnt
// a batch of them every three seconds.
func TestNoIDsBurntWhileRefused(t *testing.T) {
	r := newRig(t, func(c *jetstream.StreamConfig) { shortWindow(c); c.MaxMsgs, c.Discard = 10, jetstream.DiscardNew })
	r.addConsumer(t, nil)
	r.publish(t, 60, 3)
	s := r.start(t, config())
	r.awaitOutput(t, 10) // as many as find room
	await(t, "rounds fail", func() bool { return s.Stats().Failures >= 8 })
	for key := range 3 {
		if got := r.last(t, fmt.Sprintf("key%d", key)); got > 20 {
			t.Errorf("key%d: %d ids are drawn for 20 messages", key, got)
		}
	}
	r.edit(t, func(c *jetstream.StreamConfig) { c.MaxMsgs = -1 })
	r.awaitOutput(t, 60)
	s.stop(t)
	r.verify(t)
	for key := range 3 {
		if got := r.last(t, fmt.Sprintf("key%d", key)); got != 20 {
			t.Errorf("key%d: %d ids are drawn for 20 messages", key, got)
		}
	}
}

// Ids that were kept for another attempt are not used once another stamper has
// published: they are older than his.
func TestKeptIDsGoOld(t *testing.T) {
	r := newRig(t, func(c *jetstream.StreamConfig) { shortWindow(c); c.MaxMsgs, c.Discard = 5, jetstream.DiscardNew })
	r.addConsumer(t, nil)
	r.publish(t, 20, 1)
	gate := make(chan struct{}, 1) // free
	gate <- struct{}{}
	c := config()
	c.Key = func(msg jetstream.Msg) (string, error) {
		<-gate
		gate <- struct{}{}
		return stamper.KeyToken(2)(msg)
	}
	a := r.start(t, c)
	r.awaitOutput(t, 5)
	await(t, "rounds fail", func() bool { return a.Stats().Failures >= 6 }) // it has ids up to 20
	<-gate
	b := r.start(t, config())
	r.edit(t, func(c *jetstream.StreamConfig) { c.MaxMsgs = 10 })
	r.awaitOutput(t, 10)
	b.stop(t)
	r.edit(t, func(c *jetstream.StreamConfig) { c.MaxMsgs = -1 })
	gate <- struct{}{}
	r.awaitOutput(t, 20)
	a.stop(t)
	r.verify(t)
	if a, b := a.Stats(), b.Stats(); a.Stamped != 15 || b.Stamped != 5 {
		t.Errorf("got %+v and %+v", a, b)
	}
}

// A user that may not publish where the stamper does was told that the time was
// up, for ever.
func TestDenied(t *testing.T) {
	for _, lacks := range []string{"stamped.>", "seq.orders.>", "$JS.API.STREAM.MSG.GET.STAMPED", "$JS.API.CONSUMER.MSG.NEXT.ORDERS.stamper", "$JS.ACK.ORDERS.stamper.>"} {
		t.Run(lacks, func(t *testing.T) {
			t.Parallel() // each waits for a request that gets no answer
			has := *permissions
			allowed := *permissions.Publish
			allowed.Allow = nil
			for _, subject := range permissions.Publish.Allow {
				if subject != lacks {
					allowed.Allow = append(allowed.Allow, subject)
				}
			}
			has.Publish = &allowed
			r := newRigWith(t, nil, func(o *server.Options) {
				o.Users = []*server.User{{Username: "all"}, {Username: "stamper", Password: "s", Permissions: &has}}
				o.NoAuthUser = "all"
			})
			r.addConsumer(t, nil)
			r.publish(t, 1, 1)
			if lacks == "$JS.API.STREAM.MSG.GET.STAMPED" { // it reads what is there
				r.evidence(t, nats.Header{jetstream.MsgIDHeader: {"ORDERS:1"}, stamper.StamperHeader: {durable}})
			}
			options := append(seqd.ConnectOptions(), nats.UserInfo("stamper", "s"))
			s, err := newStamper(t, r.nats.Connect(t, options...), config())
			if err == nil {
				st := &started{Stamper: s, cancel: func() {}, ended: make(chan error, 1)}
				go func() { st.ended <- s.Run(t.Context()) }()
				err = st.wait(t)
			}
			subject := strings.TrimSuffix(lacks, ">")
			if err == nil || !strings.Contains(err.Error(), `Permissions Violation for Publish to "`+subject) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// The headers of a message may be small enough by themselves, and too large with
// those of the stamper.
func TestLargeHeader(t *testing.T) {
	r := newRig(t, nil)
	msg := nats.NewMsg("orders.a")
	msg.Header.Set("Large", strings.Repeat("x", 64<<10-200))
	if _, err := r.js.PublishMsg(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	r.publish(t, 1, 1)
	c := config()
	c.SkipBad = true
	s := r.start(t, c)
	r.awaitOutput(t, 1)
	s.stop(t)
	if got := s.Stats().Skipped; got != 1 {
		t.Errorf("%d messages skipped, want 1", got)
	}
}

// A message of the source may have a header that looks like a server's status.
// (nats.go takes it for one, so it is only counted here.)
func TestStatusHeaderInSource(t *testing.T) {
	r := newRig(t, nil)
	for _, status := range []string{"100", "408", "409", "503"} {
		msg := nats.NewMsg("orders.a")
		msg.Header.Set("Status", status)
		if _, err := r.js.PublishMsg(t.Context(), msg); err != nil {
			t.Fatal(err)
		}
	}
	s := r.start(t, config())
	r.awaitOutput(t, 4)
	s.stop(t)
	if got := s.Stats(); got.Stamped != 4 || got.Failures > 0 {
		t.Errorf("got %+v", got)
	}
}
