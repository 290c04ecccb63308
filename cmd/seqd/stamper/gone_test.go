package stamper_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// What is done to streams and consumers of a replicated JetStream while a stamper
// is at work.
func TestChangedMeanwhile(t *testing.T) {
	r := newReplicatedRig(t)
	for name, do := range map[string]func(t *testing.T){
		"consumer deleted": func(t *testing.T) { r.deleteConsumer(t) },
		"consumer recreated push": func(t *testing.T) {
			r.deleteConsumer(t)
			r.addConsumer(t, func(c *jetstream.ConsumerConfig) {
				c.PriorityPolicy, c.PriorityGroups, c.PinnedTTL = 0, nil, 0
			})
		},
		"consumer recreated filter": func(t *testing.T) {
			r.deleteConsumer(t)
			r.addConsumer(t, func(c *jetstream.ConsumerConfig) { c.FilterSubject = "orders.key1.>" })
		},
		"consumer recreated later": func(t *testing.T) {
			r.deleteConsumer(t)
			r.addConsumer(t, func(c *jetstream.ConsumerConfig) { c.DeliverPolicy = jetstream.DeliverNewPolicy })
		},
		"consumer filter edited": func(t *testing.T) {
			r.editConsumer(t, func(c *jetstream.ConsumerConfig) { c.FilterSubject = "orders.key1.>" })
		},
		"consumer max deliver edited": func(t *testing.T) {
			r.editConsumer(t, func(c *jetstream.ConsumerConfig) { c.MaxDeliver = 1 })
		},
		"consumer max ack pending edited": func(t *testing.T) {
			r.editConsumer(t, func(c *jetstream.ConsumerConfig) { c.MaxAckPending = 5 })
		},
		"consumer paused": func(t *testing.T) { r.js.PauseConsumer(t.Context(), sourceStream, durable, time.Now().Add(time.Hour)) },
		"source purged":   func(t *testing.T) { r.purge(t, sourceStream) },
		"source sealed":   func(t *testing.T) { r.editStream(t, sourceStream, func(c *jetstream.StreamConfig) { c.Sealed = true }) },
		"source deleted":  func(t *testing.T) { r.js.DeleteStream(t.Context(), sourceStream) },
		"output deleted":  func(t *testing.T) { r.js.DeleteStream(t.Context(), outputStream) },
		"output purged":   func(t *testing.T) { r.purge(t, outputStream) },
		"output sealed":   func(t *testing.T) { r.edit(t, func(c *jetstream.StreamConfig) { c.Sealed = true }) },
		"source scaled":   func(t *testing.T) { r.editStream(t, sourceStream, func(c *jetstream.StreamConfig) { c.Replicas = 1 }) },
		"output scaled":   func(t *testing.T) { r.edit(t, func(c *jetstream.StreamConfig) { c.Replicas = 1 }) },
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			_ = r.js.DeleteStream(t.Context(), outputStream)
			_ = r.js.DeleteStream(t.Context(), sourceStream)
			output := outputConfig
			output.Replicas = 3
			r.addStream(t, output)
			source := sourceConfig
			source.Replicas = 3
			r.addStream(t, source)
			r.addConsumer(t, nil)
			r.publish(t, 20, 2)
			s := r.start(t, config())
			r.awaitOutput(t, 20)
			do(t)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			for i := range 10 {
				_, err := r.js.Publish(ctx, "orders.key"+string(rune('0'+i%2))+".new", nil)
				if err != nil {
					t.Log("publish ", err)
					break
				}
			}
			cancel()
			select {
			case err := <-s.ended:
				t.Log("ENDED", err)
			case <-time.After(18 * time.Second):
				s.cancel()
				t.Log("GOES ON", <-s.ended)
			}
			t.Logf("%+v", s.Stats())
			if stream, err := r.js.Stream(t.Context(), outputStream); err == nil {
				t.Logf("output %d", stream.CachedInfo().State.Msgs)
			}
			if c, err := r.js.Consumer(t.Context(), sourceStream, durable); err == nil {
				t.Logf("floor %d pending %d", c.CachedInfo().AckFloor.Stream, c.CachedInfo().NumPending)
			}
		})
	}
}

func (r *rig) deleteConsumer(t testing.TB) {
	t.Helper()
	if err := r.js.DeleteConsumer(t.Context(), sourceStream, durable); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) editConsumer(t testing.TB, change func(*jetstream.ConsumerConfig)) {
	t.Helper()
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
