package allocatortest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// The cases of TestCounter in which advances run concurrently.

func testOneKey(ctx context.Context, t *testing.T, p Place) {
	const counters, callers, rounds = 3, 6, 20
	key := allocator.Key{Store: "s", Name: "hot"}
	var h History
	var wg sync.WaitGroup
	for i := range counters {
		c := p.Open(t)
		for j := range callers {
			wg.Go(func() {
				for round := range rounds {
					record(ctx, t, &h, c, Op{Key: key, Client: i*callers + j, Worker: i}, 1+round%4)
				}
			})
		}
	}
	wg.Wait()
	wantHistory(t, &h, counters*callers*rounds)
}

func testManyKeys(ctx context.Context, t *testing.T, p Place) {
	const keys, rounds = 256, 4
	var h History
	var wg sync.WaitGroup
	counters := []allocator.Counter{p.Open(t), p.Open(t)}
	for i := range keys {
		wg.Go(func() {
			for round := range rounds {
				worker := (i + round) % len(counters)
				key := allocator.Key{Store: "s", Name: fmt.Sprint(i)}
				record(ctx, t, &h, counters[worker], Op{Key: key, Client: i, Worker: worker}, 1+i%3)
			}
		})
	}
	wg.Wait()
	wantHistory(t, &h, keys*rounds)
}

func testExhaustedConcurrently(ctx context.Context, t *testing.T, p Place) {
	const left, callers = 10, 16
	key := allocator.Key{Store: "s", Name: "k"}
	p.Seed(t, key, math.MaxInt64-left)
	var h History
	var wg sync.WaitGroup
	for i := range callers {
		c := p.Open(t)
		wg.Go(func() {
			start := h.Now()
			ids, err := c.Advance(ctx, key, 1)
			switch {
			case err == nil:
				h.Add(Op{Start: start, End: h.Now(), Key: key, Ids: ids, Strong: true, Client: i, Worker: i})
			case !errors.Is(err, allocator.ErrExhausted):
				t.Errorf("Advance(%q, 1): %v, want ErrExhausted or none", key, err)
			}
		})
	}
	wg.Wait()
	wantHistory(t, &h, left)
}

// testContextEndsAnyTime ends contexts at about the time an advance takes, so
// that some are cancelled before, some while and some after the mark moves.
func testContextEndsAnyTime(ctx context.Context, t *testing.T, p Place) {
	const rounds = 40
	key := allocator.Key{Store: "s", Name: "k"}
	var h History
	a, b := p.Open(t), p.Open(t)
	start := time.Now()
	record(ctx, t, &h, a, Op{Key: key}, 1)
	usual := time.Since(start)

	var wg sync.WaitGroup
	for i, c := range []allocator.Counter{a, a, a, b} {
		wg.Go(func() {
			for round := range rounds {
				short, cancel := context.WithTimeout(ctx, usual*time.Duration(round)/(rounds/2))
				start := h.Now()
				ids, err := c.Advance(short, key, 1+round%3)
				cancel()
				switch {
				case err == nil:
					h.Add(Op{Start: start, End: h.Now(), Key: key, Ids: ids, Strong: true, Client: i})
				case !errors.Is(err, allocator.ErrUnavailable):
					t.Errorf("Advance(%q): %v, want ErrUnavailable or none", key, err)
				}
			}
		})
	}
	wg.Wait()
	record(ctx, t, &h, b, Op{Key: key}, 1)
	if err := h.Check(); err != nil {
		t.Error(err)
	}
}

// record advances and adds the op, which must succeed, to h.
func record(ctx context.Context, t *testing.T, h *History, c allocator.Counter, op Op, n int) {
	t.Helper()
	op.Start, op.Strong = h.Now(), true
	ids, err := c.Advance(ctx, op.Key, n)
	op.End, op.Ids = h.Now(), ids
	if err != nil || ids.N != n {
		t.Errorf("Advance(%q, %d) = %v, %v; want %d ids", op.Key, n, ids, err, n)
		return
	}
	h.Add(op)
}

func wantHistory(t *testing.T, h *History, ops int) {
	t.Helper()
	if got := len(h.Ops()); got != ops {
		t.Errorf("%d advances returned ids, want %d", got, ops)
	}
	if err := h.Check(); err != nil {
		t.Error(err)
	}
}
