package goclient_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/subjects"
)

func TestSequenceArguments(t *testing.T) {
	s := startServer(t, nil)
	count := serve(t, s, func(r *request) { r.ids(1) })
	c := newClient(t, connect(t, s))
	for _, tt := range []struct {
		store, key string
		opts       []seqd.SequenceOption
		text       string
	}{
		{"a.b", "invoice", nil, "not '.'"},
		{"orders", "", nil, "key must have"},
		{"orders", "invoice", []seqd.SequenceOption{seqd.WithMode(7)}, "mode must be"},
		{"orders", "invoice", []seqd.SequenceOption{seqd.WithPrefetch(-1)}, "prefetch must be"},
		{"orders", "invoice", []seqd.SequenceOption{seqd.WithPrefetch(1)}, "prefetch must be"},
		{"orders", "invoice", []seqd.SequenceOption{seqd.WithPrefetch(100), seqd.WithMode(seqd.Strong)}, "prefetch is for Weak"},
	} {
		_, err := c.Sequence(tt.store, tt.key, tt.opts...)
		if !errors.Is(err, seqd.ErrBadRequest) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("got %v, want %v with %q", err, seqd.ErrBadRequest, tt.text)
		}
	}
	for _, opts := range [][]seqd.SequenceOption{nil, {seqd.WithPrefetch(100)}} {
		seq, err := c.Sequence("orders", "invoice", opts...)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, -1, subjects.MaxN + 1, math.MinInt} {
			if _, err := seq.NextN(t.Context(), n); !errors.Is(err, seqd.ErrBadRequest) {
				t.Errorf("n = %d: got %v, want %v", n, err, seqd.ErrBadRequest)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := seq.Next(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "nothing was sent") {
			t.Errorf("got %v, want nothing sent", err)
		}
	}
	if got := count.Load(); got != 0 {
		t.Errorf("%d requests were sent", got)
	}
}

// On the wire a sequence with a stock asks for Weak where no mode is named.
func TestPrefetchAsksForWeak(t *testing.T) {
	s := startServer(t, nil)
	modes := make(chan seqd.Mode, 100)
	ids := new(counters)
	serve(t, s, func(r *request) {
		modes <- r.Mode
		ids.answer(r)
	})
	seq, err := newClient(t, connect(t, s)).Sequence("orders", "invoice", seqd.WithPrefetch(10))
	if err != nil {
		t.Fatal(err)
	}
	defer seq.Close()
	for want := int64(1); want <= 20; want++ {
		if id, err := seq.Next(t.Context()); err != nil || id != want {
			t.Fatalf("got %d, %v, want %d", id, err, want)
		}
	}
	for range len(modes) {
		if m := <-modes; m != seqd.Weak {
			t.Errorf("asked for mode %v", m)
		}
	}
}
