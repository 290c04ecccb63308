package stamper_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seqd-io/seqd/cmd/seqd/stamper"
)

// remake removes a stream and makes it again.
func (r *rig) remake(t testing.TB, config jetstream.StreamConfig) {
	t.Helper()
	if err := r.js.DeleteStream(t.Context(), config.Name); err != nil {
		t.Fatal(err)
	}
	r.addStream(t, config)
}

var (
	sourceConfig = jetstream.StreamConfig{Name: sourceStream, Subjects: []string{"orders.>"}}
	outputConfig = jetstream.StreamConfig{Name: outputStream, Subjects: []string{"stamped.>"}, AllowAtomicPublish: true, Duplicates: 100 * time.Millisecond}
)

func (r *rig) purge(t testing.TB, stream string, options ...jetstream.StreamPurgeOpt) {
	t.Helper()
	s, err := r.js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context(), options...); err != nil {
		t.Fatal(err)
	}
}

// refuses starts a stamper that must end with an error, at once or soon.
func (r *rig) refuses(t *testing.T, c stamper.Config, want ...string) {
	t.Helper()
	s, err := newStamper(t, r.nc, c)
	if err == nil {
		s.SetDoubtTime(time.Second)
		ended := make(chan error, 1)
		go func() { ended <- s.Run(t.Context()) }()
		await(t, "the stamper ends", func() bool {
			select {
			case err = <-ended:
				return true
			default:
				got := s.Stats()
				return got.Stamped+got.Duplicates > 0 // and went on
			}
		})
	}
	for _, text := range want {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v\nwant %q", err, text)
		}
	}
}

// untouched checks that nothing more is stamped than before, and nothing is
// acknowledged.
func (r *rig) untouched(t *testing.T, stamped int) {
	t.Helper()
	if got := r.stored(t, outputStream); got != stamped {
		t.Errorf("%d messages in the output, want %d", got, stamped)
	}
	consumer, err := r.js.Consumer(t.Context(), sourceStream, durable)
	if err != nil {
		return // there is none
	}
	if info := consumer.CachedInfo(); info.AckFloor.Stream != 0 {
		t.Errorf("messages up to %d are acknowledged", info.AckFloor.Stream)
	}
}

// A source that was removed and made again under its name counts from 1 again.
// The stamper took its sixth message for the one after the five that it had
// stamped, and the first five were in no output, with no failure and no lag.
func TestSourceMadeAnew(t *testing.T) {
	for name, c := range map[string]struct{ byHand, purged bool }{
		"by itself": {}, "with its consumer": {byHand: true}, "and purged": {purged: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, shortWindow)
			r.publish(t, 5, 1)
			s := r.start(t, config())
			r.awaitOutput(t, 5)
			s.stop(t)

			r.remake(t, sourceConfig) // within the ten seconds that clocks may be apart
			r.publish(t, 7, 1)
			if c.byHand {
				r.addConsumer(t, nil)
			}
			if c.purged { // the message that would tell is not there
				r.purge(t, sourceStream, jetstream.WithPurgeSequence(6))
			}
			r.refuses(t, config(), "made anew or restored", "ORDERS:5", "nats stream purge STAMPED -f", "nats consumer rm ORDERS stamper -f", "--start-seq 1")
			r.untouched(t, 5)

			// What the error says helps.
			r.awaitForgotten(t, "ORDERS:5")
			r.purge(t, outputStream)
			_ = r.js.DeleteConsumer(t.Context(), sourceStream, durable)
			again := config()
			again.StartSeq = 1
			s = r.start(t, again)
			r.awaitOutput(t, r.stored(t, sourceStream))
			s.stop(t)
			r.verify(t)
		})
	}
}

// The same, while the stamper is at work, and hears nothing of it.
func TestSourceMadeAnewMeanwhile(t *testing.T) {
	r := newRig(t, shortWindow)
	r.addConsumer(t, nil)
	r.publish(t, 20, 1)
	c, stamping, goOn := pausing()
	batch := 0 // messages of the old source that are stamped: those of the first batch, which may be few
	c.Log = slog.New(onDebug{logHandler(t), "batch", func(n int) {
		if batch == 0 {
			batch = n
		}
	}})
	s := r.start(t, c)
	<-stamping
	r.remake(t, sourceConfig)
	r.addConsumer(t, nil)
	r.publish(t, 100, 1)
	close(goOn)
	if err := s.wait(t); err == nil || !strings.Contains(err.Error(), "made anew or restored") {
		t.Errorf("got %v", err)
	}
	r.untouched(t, batch)
}

// The same, when the first batch is in the stamper's hands and nothing is stamped
// yet: there is no position to hold against anything. Somebody else has been given
// as many of the new messages, so that the consumer's count is right as well.
func TestSourceMadeAnewAtOnce(t *testing.T) {
	r := newRig(t, shortWindow)
	r.addConsumer(t, nil)
	r.publish(t, 20, 1)
	c := config()
	first := true
	c.Log = slog.New(onDebug{logHandler(t), "batch", func(n int) {
		if first {
			first = false
			r.remake(t, sourceConfig)
			r.addConsumer(t, nil)
			r.publish(t, 30, 1)
			consumer, err := r.js.Consumer(t.Context(), sourceStream, durable)
			if err != nil {
				t.Error(err)
				return
			}
			others, err := consumer.Fetch(n, jetstream.FetchPriorityGroup(stamper.PriorityGroup))
			if err != nil {
				t.Error(err)
				return
			}
			for range others.Messages() {
			}
		}
	}})
	s := r.start(t, c)
	r.awaitOutput(t, 30)
	lag(t, s, 0)
	s.stop(t)
	r.verify(t)
}

// onDebug calls do for a debug message, with its number n.
type onDebug struct {
	slog.Handler
	message string
	do      func(n int)
}

func (h onDebug) Enabled(context.Context, slog.Level) bool { return true }

func (h onDebug) Handle(ctx context.Context, record slog.Record) error {
	if record.Level != slog.LevelDebug {
		return h.Handler.Handle(ctx, record)
	}
	if record.Message == h.message {
		record.Attrs(func(a slog.Attr) bool {
			if a.Key == "n" {
				h.do(int(a.Value.Int64()))
			}
			return true
		})
	}
	return nil
}

// pausing is a configuration of a stamper that stands still with its first batch
// until goOn is closed.
func pausing() (c stamper.Config, stamping, goOn chan struct{}) {
	stamping, goOn = make(chan struct{}), make(chan struct{})
	first := true
	c = config()
	c.Key = func(msg jetstream.Msg) (string, error) {
		if first {
			first = false
			close(stamping)
			<-goOn
		}
		return stamper.KeyToken(2)(msg)
	}
	return c, stamping, goOn
}

// A consumer that was removed and made again, and its stream was not, gives out
// everything again: it is only acknowledged.
func TestConsumerMadeAnewMeanwhile(t *testing.T) {
	r := newRig(t, shortWindow)
	r.addConsumer(t, nil)
	r.publish(t, 20, 1)
	c, stamping, goOn := pausing()
	s := r.start(t, c)
	<-stamping
	if err := r.js.DeleteConsumer(t.Context(), sourceStream, durable); err != nil {
		t.Fatal(err)
	}
	r.addConsumer(t, nil)
	r.publish(t, 100, 1)
	close(goOn)
	r.awaitOutput(t, 120)
	s.stop(t)
	r.verify(t)
}

// A source that was put back to an older state has its name and its creation
// time, and other messages under sequences that were stamped.
func TestSourceRestored(t *testing.T) {
	for name, c := range map[string]struct {
		more int
		want string
	}{
		"as far as before": {20, "its message of that sequence was stored at"},
		"not yet so far":   {5, "its last message is ORDERS:15"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, shortWindow)
			r.stampTen(t, 10)
			restore := r.backUp(t, sourceStream)
			r.stampTen(t, 20)
			restore()
			r.publish(t, c.more, 1)
			r.refuses(t, config(), "made anew or restored", c.want)
			if got := r.stored(t, outputStream); got != 20 {
				t.Errorf("%d messages in the output", got)
			}
		})
	}
}

// backUp copies a stream's files, and returns what puts them back.
func (r *rig) backUp(t testing.TB, stream string) (restore func()) {
	t.Helper()
	dir := filepath.Join(r.nats.StoreDir(), "jetstream", "$G", "streams", stream)
	kept := filepath.Join(t.TempDir(), stream)
	around := func(do func() error) {
		t.Helper()
		r.nats.Stop()
		if err := do(); err != nil {
			t.Fatal(err)
		}
		r.nats.Start(t)
		await(t, "the connection is back", func() bool { return r.nc.Status() == nats.CONNECTED && r.stored(t, stream) > 0 })
	}
	around(func() error { return os.CopyFS(kept, os.DirFS(dir)) })
	return func() {
		around(func() error {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			return os.CopyFS(dir, os.DirFS(kept))
		})
	}
}

// What somebody else acknowledges, or a consumer that begins later passes over,
// would never be stamped.
func TestAcknowledgedUnstamped(t *testing.T) {
	r := newRig(t, shortWindow)
	r.publish(t, 20, 1)
	s := r.start(t, config())
	r.awaitOutput(t, 20)
	s.stop(t)
	r.publish(t, 20, 1)
	if _, err := r.js.ResetConsumerToSequence(t.Context(), sourceStream, durable, 31); err != nil {
		t.Fatal(err)
	}
	r.refuses(t, config(), "ORDERS:21 is not in the output stream STAMPED", "nats consumer rm ORDERS stamper -f", "--start-seq 31")

	// Both of what the error says help.
	if err := r.js.DeleteConsumer(t.Context(), sourceStream, durable); err != nil {
		t.Fatal(err)
	}
	s = r.start(t, config())
	r.awaitOutput(t, 40)
	s.stop(t)
	r.verify(t)
	r.publish(t, 20, 1)
	if err := r.js.DeleteConsumer(t.Context(), sourceStream, durable); err != nil {
		t.Fatal(err)
	}
	c := config()
	c.StartSeq = 51
	s = r.start(t, c)
	r.awaitOutput(t, 50)
	s.stop(t)
	if got := r.read(t, outputStream)[40].Headers().Get(jetstream.MsgIDHeader); got != "ORDERS:51" {
		t.Errorf("got %s", got)
	}
}

// Positions of versions that did not write down when the source was made are
// held against the stored message, and the stream's age.
func TestOlderPositions(t *testing.T) {
	r := newRig(t, shortWindow)
	r.addConsumer(t, nil)
	r.publish(t, 20, 1)
	message := func(seq uint64) time.Time {
		t.Helper()
		stream, err := r.js.Stream(t.Context(), sourceStream)
		if err != nil {
			t.Fatal(err)
		}
		msg, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		return msg.Time
	}
	r.evidence(t, nats.Header{
		jetstream.MsgIDHeader: {"ORDERS:5"}, stamper.StamperHeader: {durable},
		stamper.SourceTimeHeader: {message(5).Format(time.RFC3339Nano)},
	})
	s := r.start(t, config())
	r.awaitOutput(t, 16)
	s.stop(t)
	if got := s.Stats(); got.Stamped != 15 || got.Duplicates != 5 {
		t.Errorf("got %+v", got)
	}

	for name, c := range map[string]struct {
		stored func() time.Time
		keep   uint64 // first source message that is still there
	}{
		"an hour ago":                         {func() time.Time { return time.Now().Add(-time.Hour) }, 1},
		"another time":                        {func() time.Time { return message(5).Add(time.Millisecond) }, 1},
		"just before, and not there any more": {func() time.Time { return r.made(t).Add(-time.Second) }, 8},
	} {
		t.Run(name, func(t *testing.T) {
			r.remake(t, outputConfig)
			r.remake(t, sourceConfig)
			r.addConsumer(t, nil)
			r.publish(t, 20, 1)
			r.evidence(t, nats.Header{
				jetstream.MsgIDHeader: {"ORDERS:5"}, stamper.StamperHeader: {durable},
				stamper.SourceTimeHeader: {c.stored().UTC().Format(time.RFC3339Nano)},
			})
			r.purge(t, sourceStream, jetstream.WithPurgeSequence(c.keep))
			r.refuses(t, config(), "made anew or restored")
			if got := r.stored(t, outputStream); got != 1 {
				t.Errorf("%d messages in the output", got)
			}
		})
	}
}

func (r *rig) made(t testing.TB) time.Time {
	t.Helper()
	stream, err := r.js.Stream(t.Context(), sourceStream)
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().Created
}

// A purged source keeps its sequences, and an output may begin at any.
func TestSourcePurged(t *testing.T) {
	r := newRig(t, func(c *jetstream.StreamConfig) { c.FirstSeq = 1000 })
	r.publish(t, 20, 1)
	s := r.start(t, config())
	r.awaitOutput(t, 20)
	s.stop(t)
	r.purge(t, sourceStream)
	s = r.start(t, config())
	r.publish(t, 5, 1)
	r.awaitOutput(t, 25)
	s.stop(t)
	if got := r.read(t, outputStream)[20].Headers().Get(jetstream.MsgIDHeader); got != "ORDERS:21" {
		t.Errorf("got %s", got)
	}
}
