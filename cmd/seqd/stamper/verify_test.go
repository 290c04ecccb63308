package stamper_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seqd-io/seqd/cmd/seqd/stamper"
)

// read returns what a stream holds, in its order.
func (r *rig) read(t testing.TB, stream string) []jetstream.Msg {
	t.Helper()
	info, err := r.js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	n := int(info.CachedInfo().State.Msgs)
	if n == 0 {
		return nil
	}
	consumer, err := r.js.OrderedConsumer(t.Context(), stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	all := make([]jetstream.Msg, 0, n)
	for range n {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			t.Fatalf("read message %d of %s: %v", len(all)+1, stream, err)
		}
		all = append(all, msg)
	}
	return all
}

// stored returns how many messages a stream has. It waits for the connection and
// the server: one that had just been restarted gave no answer, which was taken
// for an empty source, and TestCrash then expected no output.
func (r *rig) stored(t testing.TB, stream string) (n int) {
	t.Helper()
	await(t, "told what "+stream+" holds", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		info, err := r.js.Stream(ctx, stream)
		if err != nil {
			return false
		}
		n = int(info.CachedInfo().State.Msgs)
		return true
	})
	return n
}

// awaitOutput waits until the output has n messages.
func (r *rig) awaitOutput(t testing.TB, n int) {
	t.Helper()
	await(t, fmt.Sprintf("%d messages in the output", n), func() bool { return r.stored(t, outputStream) >= n })
}

// verify checks the guarantees: every source message is in the output exactly
// once and in source order, and the ids of each key increase.
func (r *rig) verify(t testing.TB) {
	t.Helper()
	for _, err := range violations(r.read(t, sourceStream), r.read(t, outputStream)) {
		t.Error(err)
	}
}

// violations compares a source with its output.
func violations(source, output []jetstream.Msg) []error {
	var found []error
	fail := func(format string, args ...any) {
		if len(found) < 10 {
			found = append(found, fmt.Errorf(format, args...))
		}
	}
	if len(source) != len(output) {
		fail("%d messages in the source, %d in the output", len(source), len(output))
	}
	type mark struct {
		period string // labels of one rule are in order as text
		id     int64
	}
	last := map[string]mark{}
	for i := range min(len(source), len(output)) {
		in, out := source[i], output[i]
		meta, err := in.Metadata()
		if err != nil {
			fail("%v", err)
			continue
		}
		want := fmt.Sprintf("%s:%d", meta.Stream, meta.Sequence.Stream)
		if got := out.Headers().Get(jetstream.MsgIDHeader); got != want {
			fail("output message %d is %s, want %s", i+1, got, want)
			continue
		}
		if string(in.Data()) != string(out.Data()) {
			fail("output message %d: payload %q, want %q", i+1, out.Data(), in.Data())
		}
		key := out.Headers().Get(stamper.KeyHeaderName)
		id, err := strconv.ParseInt(out.Headers().Get(stamper.IDHeader), 10, 64)
		if err != nil {
			fail("output message %d: %v", i+1, err)
		}
		now, was := mark{out.Headers().Get(stamper.PeriodHeader), id}, last[key]
		if cmp.Or(cmp.Compare(now.period, was.period), cmp.Compare(now.id, was.id)) <= 0 {
			fail("output message %d, key %s: %v after %v", i+1, key, now, was)
		}
		last[key] = now
	}
	return found
}

// listener is a log that keeps what it is told.
type listener struct {
	slog.Handler
	mu   sync.Mutex
	text strings.Builder
}

func newListener() *listener {
	l := &listener{}
	l.Handler = slog.NewTextHandler(l, nil)
	return l
}

func (l *listener) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *listener) heard(t testing.TB, want ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, want := range want {
		if !strings.Contains(l.text.String(), want) {
			t.Errorf("nothing was said of %q:\n%s", want, l.text.String())
		}
	}
}

func (l *listener) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}
