package stamper_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// The source may be a mirror, or have sources, and the output may be the source of
// other streams, all of it replicated, and while leaders step down.
func TestSourcedAndMirrored(t *testing.T) {
	if testing.Short() {
		t.Skip("starts several servers, and waits for them")
	}
	r := newReplicatedRig(t)
	add := func(config jetstream.StreamConfig) {
		config.Replicas = 3
		r.addStream(t, config)
	}
	for name, source := range map[string]jetstream.StreamConfig{
		"mirror":       {Mirror: &jetstream.StreamSource{Name: "FIRST"}},
		"with sources": {Sources: []*jetstream.StreamSource{{Name: "FIRST"}, {Name: "SECOND"}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, stream := range []string{sourceStream, outputStream, "FIRST", "SECOND", "QUEUE", "COPY"} {
				_ = r.js.DeleteStream(t.Context(), stream) // some are not there
			}
			origins := []string{"FIRST"}
			add(jetstream.StreamConfig{Name: "FIRST", Subjects: []string{"orders.>"}})
			if len(source.Sources) > 0 {
				origins = append(origins, "SECOND")
				add(jetstream.StreamConfig{Name: "SECOND", Subjects: []string{"more.>"}})
			}
			source.Name = sourceStream
			add(source)
			add(outputConfig)
			// As the README has it: who wants a work queue, or a copy, makes it from the output.
			add(jetstream.StreamConfig{Name: "QUEUE", Retention: jetstream.WorkQueuePolicy, Sources: []*jetstream.StreamSource{{Name: outputStream}}})
			add(jetstream.StreamConfig{Name: "COPY", Mirror: &jetstream.StreamSource{Name: outputStream}})
			r.addConsumer(t, nil)
			s := r.start(t, config())
			all := 0
			for i, what := range append(steppers, "STREAM.LEADER.STEPDOWN.QUEUE") {
				r.publish(t, 200, 3)
				all += 200
				for _, origin := range origins[1:] {
					for range 50 {
						if _, err := r.js.Publish(t.Context(), "more.key5", nil); err != nil {
							t.Fatal(origin, err)
						}
					}
					all += 50
				}
				r.stepDown(t, what)
				if i < len(led) {
					r.leader(t, led[i])
				}
			}
			r.awaitOutput(t, all)
			s.stop(t)
			r.verify(t)
			for _, stream := range []string{"QUEUE", "COPY"} {
				await(t, stream+" has all", func() bool { return r.stored(t, stream) >= all })
			}
			for _, err := range violations(r.read(t, sourceStream), r.read(t, "COPY")) {
				t.Errorf("COPY: %v", err)
			}
			if got := r.stored(t, "QUEUE"); got != all { // only counted, as reading a work queue empties it
				t.Errorf("%d messages in QUEUE, want %d", got, all)
			}
			if got := s.Stats(); got.Lost > 0 || got.Skipped > 0 {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// The output comes into the source again by a stream between them: each message
// was stamped again and again, for ever.
func TestLoopByAnotherStream(t *testing.T) {
	r := newRig(t, shortWindow)
	r.addStream(t, jetstream.StreamConfig{Name: "BETWEEN", Sources: []*jetstream.StreamSource{{Name: outputStream}}})
	r.editStream(t, sourceStream, func(c *jetstream.StreamConfig) {
		c.Sources = []*jetstream.StreamSource{{Name: "BETWEEN"}}
	})
	r.addConsumer(t, nil)
	r.publish(t, 10, 1)
	err := r.start(t, config()).wait(t)
	if want := "ORDERS:11 was stamped here already (Seq-Id: 1)"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("it ended with: %v\nwant %q", err, want)
	}
	if got := r.stored(t, outputStream); got != 10 {
		t.Errorf("%d messages in the output", got)
	}
}
