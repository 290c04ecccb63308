package stamper_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seqd-io/seqd/cmd/seqd/stamper"
)

// replicatedAnew makes both streams of a replicated rig again, empty, and the
// consumer.
func (r *rig) replicatedAnew(t *testing.T) {
	t.Helper()
	for _, config := range []jetstream.StreamConfig{sourceConfig, outputConfig} {
		config.Replicas = 3
		_ = r.js.DeleteStream(t.Context(), config.Name) // it may be gone
		r.addStream(t, config)
	}
	r.addConsumer(t, nil)
}

// What is done to a replicated JetStream under a stamper that leaves it nothing to
// go on with, or something else than before, ends it, with what to try; and
// nothing is acknowledged that is not stamped.
func TestStopsThatSayWhy(t *testing.T) {
	if testing.Short() {
		t.Skip("starts several servers, and waits for them")
	}
	r := newReplicatedRig(t)
	r.doubt = 2 * time.Second
	remake := func(t *testing.T, change func(*jetstream.ConsumerConfig)) {
		r.deleteConsumer(t)
		r.addConsumer(t, change)
	}
	for _, c := range []struct {
		name   string
		do     func(t *testing.T)
		want   string           // what it ends with
		again  string           // and when it is started again; "": it goes on, and all is stamped in the end
		before func(*testing.T) // it is; nil: nothing is done
	}{
		{
			"consumer deleted", r.inT((*rig).deleteConsumer),
			"consumer stamper of stream ORDERS was removed; when started again, the stamper makes one", "", nil,
		}, {
			"consumer made by somebody else, as it was", func(t *testing.T) { remake(t, nil) },
			"consumer stamper of stream ORDERS was removed", "", nil,
		}, {
			"consumer made by somebody else, without its group",
			func(t *testing.T) {
				remake(t, func(c *jetstream.ConsumerConfig) { c.PriorityPolicy, c.PriorityGroups, c.PinnedTTL = 0, nil, 0 })
			},
			"was removed", "its priority policy must be pinned_client, with the group seqd. Remove it with: nats consumer rm ORDERS stamper -f", nil,
		}, {
			"consumer made by somebody else, to begin later",
			func(t *testing.T) {
				remake(t, func(c *jetstream.ConsumerConfig) {
					c.DeliverPolicy, c.OptStartSeq = jetstream.DeliverByStartSequencePolicy, 26
				})
			},
			"was removed", "ORDERS:21 is not in the output stream STAMPED", nil,
		}, {
			"filter changed", r.edits(func(c *jetstream.ConsumerConfig) { c.FilterSubject = "orders.key1.>" }),
			`was changed from [] to ["orders.key1.>"]`, "", r.inT((*rig).deleteConsumer),
		}, {
			"max deliver changed", r.edits(func(c *jetstream.ConsumerConfig) { c.MaxDeliver = 1 }),
			"gives up a message after 1 deliveries; max deliver must be -1", "max deliver must be -1", nil,
		}, {
			"source deleted", func(t *testing.T) { r.deleteStream(t, sourceStream) },
			"the source stream ORDERS is gone: if it was removed for good", "there is no source stream ORDERS", nil,
		}, {
			"output deleted", func(t *testing.T) { r.deleteStream(t, outputStream) },
			"the output stream STAMPED is gone, and what it held of ORDERS is acknowledged", "no stream captures the output subject", nil,
		}, {
			"output sealed", func(t *testing.T) { r.edit(t, func(c *jetstream.StreamConfig) { c.Sealed = true }) },
			"a sealed stream takes no messages ever again", "it is sealed, for ever; use another one", nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.replicatedAnew(t)
			r.publish(t, 20, 2)
			s := r.start(t, config())
			r.awaitOutput(t, 20)
			await(t, "all is acknowledged", func() bool { return r.ackFloor(t) == 20 })
			r.awaitIdle(t)
			c.do(t)
			if r.exists(t, sourceStream) {
				r.publish(t, 10, 2)
			}
			if err := s.endsBefore(t, 21); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("it ended with: %v\nwant %q", err, c.want)
			}
			if c.before != nil {
				c.before(t)
			}
			if c.again != "" {
				r.refuses(t, config(), c.again)
				return
			}
			s = r.start(t, config())
			r.awaitOutput(t, 30)
			s.stop(t)
			r.verify(t)
		})
	}
}

// endsBefore waits until the stamper ends, and returns with what. It returns nil if
// it stamps that many messages instead.
func (s *started) endsBefore(t *testing.T, n int64) (err error) {
	t.Helper()
	await(t, "the stamper ends", func() bool {
		select {
		case err = <-s.ended:
			return true
		default:
			return s.Stats().Stamped >= n
		}
	})
	return err
}

// awaitIdle waits until a stamper waits for messages.
func (r *rig) awaitIdle(t *testing.T) {
	t.Helper()
	await(t, "a stamper waits for messages", func() bool {
		consumer, err := r.js.Consumer(t.Context(), sourceStream, durable)
		return err == nil && consumer.CachedInfo().NumWaiting > 0
	})
}

func (r *rig) inT(do func(*rig, testing.TB)) func(*testing.T) {
	return func(t *testing.T) { do(r, t) }
}

func (r *rig) edits(change func(*jetstream.ConsumerConfig)) func(*testing.T) {
	return func(t *testing.T) {
		consumer, err := r.js.Consumer(t.Context(), sourceStream, durable)
		if err != nil {
			t.Fatal(err)
		}
		has := consumer.CachedInfo().Config
		change(&has)
		if _, err := r.js.UpdateConsumer(t.Context(), sourceStream, has); err != nil {
			t.Fatal(err)
		}
	}
}

func (r *rig) deleteConsumer(t testing.TB) {
	t.Helper()
	if err := r.js.DeleteConsumer(t.Context(), sourceStream, durable); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) deleteStream(t testing.TB, name string) {
	t.Helper()
	if err := r.js.DeleteStream(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) exists(t testing.TB, stream string) bool {
	t.Helper()
	_, err := r.js.Stream(t.Context(), stream)
	return err == nil
}

// What a stamper goes on through, with ten messages that are not stamped yet, and
// that it has in hand. What the source loses of them is counted, and told.
func TestGoesOnThrough(t *testing.T) {
	r := newReplicatedRig(t)
	for _, c := range []struct {
		name string
		do   func(t *testing.T)
		lost int // of the ten, the first
		said string
	}{
		{"source purged", func(t *testing.T) { r.purge(t, sourceStream, jetstream.WithPurgeSequence(26)) }, 5, "has lost messages before they were stamped"},
		{"source sealed", func(t *testing.T) {
			r.editStream(t, sourceStream, func(c *jetstream.StreamConfig) { c.Sealed = true })
		}, 0, ""},
		{"scaled down and up", func(t *testing.T) {
			for _, replicas := range []int{1, 3} {
				for _, stream := range []string{sourceStream, outputStream} {
					r.editStream(t, stream, func(c *jetstream.StreamConfig) { c.Replicas = replicas })
				}
			}
		}, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.replicatedAnew(t)
			r.stampTen(t, 10)
			r.stampTen(t, 20)
			r.publish(t, 10, 1)
			want := r.read(t, sourceStream)
			want = append(want[:20:20], want[20+c.lost:]...)
			said := newListener()
			order, inHand, goOn := config(), make(chan struct{}), make(chan struct{})
			once := sync.OnceFunc(func() { close(inHand); <-goOn })
			order.Log = slog.New(onDebug{said, "batch", func(int) { once() }})
			s := r.start(t, order)
			<-inHand
			c.do(t)
			close(goOn)
			r.awaitOutput(t, len(want))
			s.stop(t)
			for _, err := range violations(want, r.read(t, outputStream)) {
				t.Error(err)
			}
			if got := s.Stats().Lost; got != int64(c.lost) {
				t.Errorf("%d messages are said to be lost", got)
			}
			said.heard(t, c.said)
		})
	}
}

// A paused consumer gives out nothing, and says nothing of it.
func TestPausedConsumer(t *testing.T) {
	r := newRig(t, nil)
	r.addConsumer(t, nil)
	if _, err := r.js.PauseConsumer(t.Context(), sourceStream, durable, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	said := newListener()
	c := config()
	c.Log = slog.New(said)
	s := r.start(t, c)
	r.publish(t, 10, 1)
	await(t, "it says that the consumer is paused", func() bool { return said.has("with: nats consumer resume ORDERS stamper") })
	if _, err := r.js.ResumeConsumer(t.Context(), sourceStream, durable); err != nil {
		t.Fatal(err)
	}
	r.awaitOutput(t, 10)
	s.stop(t)
	r.verify(t)
}

// A consumer that has a filter for a while passes over messages, or gives them out
// after all. Either they are stamped, or the stamper ends.
func TestFilterForAWhile(t *testing.T) {
	r := newRig(t, shortWindow)
	r.addConsumer(t, nil)
	r.publish(t, 20, 2)
	s := r.start(t, config())
	r.awaitOutput(t, 20)
	await(t, "all is acknowledged", func() bool { return r.ackFloor(t) == 20 })
	r.awaitIdle(t)
	r.edits(func(c *jetstream.ConsumerConfig) { c.FilterSubject = "orders.key1.>" })(t)
	r.publish(t, 1, 1) // which it keeps back
	r.edits(func(c *jetstream.ConsumerConfig) { c.FilterSubject = "" })(t)
	r.publish(t, 10, 2)
	var ended error
	await(t, "all is stamped, or it ends", func() bool {
		select {
		case ended = <-s.ended:
			return true
		default:
			return r.stored(t, outputStream) == 31
		}
	})
	if ended == nil {
		s.stop(t)
		r.verify(t)
		return
	}
	if want := "ORDERS:21 is not in the output stream STAMPED"; !strings.Contains(ended.Error(), want) {
		t.Errorf("it ended with: %v\nwant %q", ended, want)
	}
}

// Somebody else acknowledges messages that the stamper has in hand, as a stamper
// does of a source and a consumer of the same names in another JetStream domain:
// acknowledgements reach both. Where nothing was stamped before, those up to the ack
// floor were passed over, and nobody noticed.
func TestSomebodyElseAcknowledges(t *testing.T) {
	for name, filter := range map[string]string{"all": "", "through a filter": "orders.*.new"} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, shortWindow)
			r.addConsumer(t, func(has *jetstream.ConsumerConfig) { has.FilterSubject = filter })
			r.publish(t, 20, 2)
			acknowledging := func(seq int) stamper.Config {
				c := config()
				once := sync.OnceFunc(func() {
					ack := fmt.Sprintf("$JS.ACK.%s.%s.1.%d.%d.1.1", sourceStream, durable, seq, seq)
					if _, err := r.nc.Request(ack, []byte("+ACK"), patience); err != nil {
						t.Errorf("acknowledge: %v", err)
					}
				})
				c.Log = slog.New(onDebug{logHandler(t), "batch", func(int) { once() }})
				return c
			}
			// One behind others is given out again.
			s := r.start(t, acknowledging(5))
			r.awaitOutput(t, 20)
			s.stop(t)
			r.verify(t)
			r.deleteConsumer(t)
			r.remake(t, outputConfig)

			r.addConsumer(t, func(has *jetstream.ConsumerConfig) { has.FilterSubject = filter })
			err := r.start(t, acknowledging(1)).endsBefore(t, 1)
			if want := "ORDERS:1 is not in the output stream STAMPED"; err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("it ended with: %v\nwant %q", err, want)
			}
			if got := r.stored(t, outputStream); got > 0 {
				t.Errorf("%d messages in the output", got)
			}
			r.deleteConsumer(t) // as the error says
			s = r.start(t, config())
			r.awaitOutput(t, 20)
			s.stop(t)
			r.verify(t)
		})
	}
}
