package stamper_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seqd-io/seqd/integration/servers"
)

// An output that is full takes as many messages as find room, in the source's
// order. The rest waits, and is stamped when there is room again.
func TestOutputLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("starts several servers, and waits for them")
	}
	const all, keys = 60, 3
	r := newReplicatedRig(t)
	for _, c := range []struct {
		name string
		set  func(*jetstream.StreamConfig)
		fit  func(n int) bool
		want string // of what a full output is said to be
	}{
		{"max_msgs", func(c *jetstream.StreamConfig) { c.MaxMsgs = 10 }, func(n int) bool { return n == 10 }, "maximum messages exceeded"},
		{"max_bytes", func(c *jetstream.StreamConfig) { c.MaxBytes = 5000 }, func(n int) bool { return n > 5 && n < 20 }, "maximum bytes exceeded"},
		// The third subject is free while the first one is full: it waits nevertheless.
		{"max_msgs_per_subject", func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject, c.DiscardNewPerSubject = 4, true }, func(n int) bool { return n == 4*keys },
			"maximum messages per subject exceeded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			output := outputConfig
			output.Replicas, output.Discard = 3, jetstream.DiscardNew
			c.set(&output)
			r.remake(t, output)
			source := sourceConfig
			source.Replicas = 3
			r.remake(t, source)
			r.addConsumer(t, nil)
			r.publish(t, all, keys)
			said := newListener()
			order := config()
			order.Log = slog.New(said)
			s := r.start(t, order)
			await(t, "the output is full", func() bool { return c.fit(r.stored(t, outputStream)) })
			failed := s.Stats().Failures
			await(t, "rounds fail", func() bool { return s.Stats().Failures >= failed+3 })
			n := r.stored(t, outputStream)
			if !c.fit(n) {
				t.Errorf("%d messages in the output", n)
			}
			for _, err := range violations(r.read(t, sourceStream)[:n], r.read(t, outputStream)) {
				t.Error(err)
			}
			said.heard(t, c.want, "make room, or raise its limits with: nats stream edit STAMPED")
			if floor := r.ackFloor(t); floor > uint64(n) {
				t.Errorf("messages up to %d are acknowledged, and %d are published", floor, n)
			}
			r.edit(t, func(c *jetstream.StreamConfig) {
				c.MaxMsgs, c.MaxBytes, c.MaxMsgsPerSubject, c.DiscardNewPerSubject = -1, -1, -1, false
			})
			r.awaitOutput(t, all)
			s.stop(t)
			r.verify(t)
		})
	}
}

func (r *rig) ackFloor(t testing.TB) uint64 {
	t.Helper()
	consumer, err := r.js.Consumer(t.Context(), sourceStream, durable)
	if err != nil {
		t.Fatal(err)
	}
	return consumer.CachedInfo().AckFloor.Stream
}

// A limit on the size of messages that is raised while the stamper runs holds for
// it from then on: it stopped, or passed over messages that the output would have
// taken.
func TestMaxMsgSizeRaised(t *testing.T) {
	r := newRig(t, func(c *jetstream.StreamConfig) { shortWindow(c); c.MaxMsgSize = 2000 })
	r.addConsumer(t, nil)
	r.publish(t, 1, 1)
	c := config()
	c.SkipBad = true
	s := r.start(t, c)
	r.awaitOutput(t, 1)
	r.edit(t, func(c *jetstream.StreamConfig) { c.MaxMsgSize = 4000 })
	if _, err := r.js.Publish(t.Context(), "orders.key0.large", []byte(strings.Repeat("x", 2000))); err != nil {
		t.Fatal(err)
	}
	r.publish(t, 1, 1)
	await(t, "all is dealt with", func() bool { return s.Stats().Source == 3 })
	s.stop(t)
	r.verify(t)
}

// A stream of one replica finds that its account has no room left in the middle of
// a batch, and keeps what it has taken until then. What is out is known by the
// output, as ever.
func TestAccountFull(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, `
jetstream { store_dir: %q }
accounts { A { jetstream: { max_file: 1MB }, users: [ { user: a, password: a } ] } }
no_auth_user: a
`, t.TempDir()), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &rig{etcd: servers.StartEtcd(t), nats: servers.StartNATSWith(t, file, nil), doubt: time.Second}
	r.db = r.etcd.Connect(t)
	r.connectAll(t, 1, shortWindow)
	r.addConsumer(t, nil)
	r.publish(t, 60, 3)
	r.addStream(t, jetstream.StreamConfig{Name: "BALLAST", Subjects: []string{"ballast"}})
	for err := error(nil); err == nil; {
		_, err = r.js.Publish(t.Context(), "ballast", make([]byte, 1000))
	}
	r.purge(t, "BALLAST", jetstream.WithPurgeKeep(uint64(r.stored(t, "BALLAST")-5)))
	said := newListener()
	c := config()
	c.Log = slog.New(said)
	s := r.start(t, c)
	await(t, "the account is full", func() bool { return r.stored(t, outputStream) > 0 && said.has("resource") })
	n := r.stored(t, outputStream)
	for _, err := range violations(r.read(t, sourceStream)[:n], r.read(t, outputStream)) {
		t.Error(err)
	}
	if floor := r.ackFloor(t); floor > uint64(n) {
		t.Errorf("messages up to %d are acknowledged, and %d are published", floor, n)
	}
	t.Logf("%d messages found room", n)
	r.purge(t, "BALLAST")
	r.awaitOutput(t, 60)
	s.stop(t)
	r.verify(t)
}
