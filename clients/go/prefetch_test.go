package seqd_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	seqd "github.com/seqd-io/seqd/clients/go"
)

// From one source the ids of a sequence increase in the order in which they are
// handed out, whoever asks, and none comes twice.
func TestPrefetchKeepsOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			src := &source{way: time.Millisecond}
			seq := src.sequence(t, seqd.WithPrefetch(2+int(round)*5))
			var h history
			var wg sync.WaitGroup
			for i := range 24 {
				c := caller{client: i, rounds: 100, pause: 2 * time.Millisecond}
				c.next = func(n int) (seqd.Range, error) {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+i)*time.Millisecond)
					defer cancel()
					if n == 1 {
						id, err := seq.Next(ctx)
						return seqd.Range{First: id, N: 1}, err
					}
					return seq.NextN(ctx, n)
				}
				wg.Go(func() { c.run(t, &h, seed+round) })
			}
			wg.Wait()
			if err := h.check(); err != nil {
				t.Error(err)
			}
			if ops := len(h.ops); ops < 24*100/2 {
				t.Errorf("%d operations show little", ops)
			}
		})
	}
}

// Once the stock fits the pace, nobody waits, and requests are rare.
func TestPrefetchRefillsBeforeItRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{way: 100 * time.Millisecond}
		seq := src.sequence(t, seqd.WithPrefetch(100_000))
		steady := func(d time.Duration) (waits int) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Millisecond) {
				start := time.Now()
				if _, err := seq.Next(t.Context()); err != nil {
					t.Fatal(err)
				}
				if time.Since(start) > 0 {
					waits++
				}
			}
			return waits
		}
		steady(10 * time.Second)
		before := len(src.requests())
		if waits := steady(time.Minute); waits > 0 {
			t.Errorf("%d calls had to wait", waits)
		}
		requests := src.requests()[before:]
		if n := len(requests); n < 60/4-1 || n > 61 {
			t.Errorf("got %d requests in a minute: %v", n, requests)
		}
	})
}

// What is in stock follows the pace, between its bounds.
func TestPrefetchSize(t *testing.T) {
	const ahead = 1000
	synctest.Test(t, func(t *testing.T) {
		src := &source{way: time.Millisecond}
		seq := src.sequence(t, seqd.WithPrefetch(ahead))
		if _, err := seq.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if got := src.drawn(); got > 3 {
			t.Errorf("a key used once burnt %d ids", got)
		}

		handedOut := int64(1)
		for range 100_000 {
			if _, err := seq.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
			handedOut++
		}
		time.Sleep(time.Minute)
		if stock := src.drawn() - handedOut; stock < ahead/4 || stock > ahead {
			t.Errorf("%d ids are in stock for a hot key, want at most %d", stock, ahead)
		}
		for range 10_000 {
			time.Sleep(10 * time.Second)
			if _, err := seq.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
			handedOut++
		}
		if stock := src.drawn() - handedOut; stock > 4 {
			t.Errorf("%d ids are in stock for a cold key", stock)
		}
	})
}

// A fault is nobody's business while there is stock. Afterwards it is, and it
// does not last longer than its cause.
func TestPrefetchErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failing atomic.Bool
		src := &source{way: time.Millisecond, refuse: func(int, int) error {
			if failing.Load() {
				return seqd.ErrFenced
			}
			return nil
		}}
		seq := src.sequence(t, seqd.WithPrefetch(100))
		handedOut := int64(0)
		next := func() error {
			id, err := seq.Next(t.Context())
			if err == nil {
				handedOut++
				if id > src.drawn() || id < 1 {
					t.Fatalf("got %d, drawn are 1 to %d", id, src.drawn())
				}
			}
			return err
		}
		for range 1000 {
			if err := next(); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(100 * time.Millisecond)
		failing.Store(true)
		for range int(src.drawn() - handedOut) {
			if err := next(); err != nil {
				t.Fatalf("got %v while there is stock", err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		for range 3 {
			if err := next(); !errors.Is(err, seqd.ErrFenced) {
				t.Errorf("got %v, want %v", err, seqd.ErrFenced)
			}
		}
		failing.Store(false)
		if err := next(); err != nil {
			t.Error(err)
		}
	})
}

// No id above the last one that was received, and no overflow behind it.
func TestPrefetchToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const left = 1000
		src := &source{way: time.Millisecond, last: math.MaxInt64 - left, end: math.MaxInt64}
		seq := src.sequence(t, seqd.WithPrefetch(64))
		var mu sync.Mutex
		var got []int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for failed := 0; failed < 100; {
					id, err := seq.Next(t.Context())
					switch {
					case err == nil:
						mu.Lock()
						got = append(got, id)
						mu.Unlock()
					case !errors.Is(err, seqd.ErrExhausted):
						t.Error(err)
						return
					default:
						failed++
					}
				}
			})
		}
		wg.Wait()
		slices.Sort(got)
		n := len(slices.Compact(slices.Clone(got)))
		if n != len(got) || n < left-16 || got[0] != math.MaxInt64-left+1 {
			t.Errorf("got %d ids, %d different, %d to %d, want nearly all of the last %d", len(got), n, got[0], got[len(got)-1], left)
		}
	})
}

// A range that does not fit into what is left goes past it, and so do all later
// calls.
func TestPrefetchRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{way: time.Millisecond}
		seq := src.sequence(t, seqd.WithPrefetch(64))
		last := int64(0)
		for i := range 2000 {
			n := 1
			if i%7 == 0 {
				n = 1 + i%150
			}
			ids, err := seq.NextN(t.Context(), n)
			if err != nil || ids.N != n || ids.First <= last || ids.Last() > src.drawn() {
				t.Fatalf("got %v, %v after %d, want %d ids, drawn are 1 to %d", ids, err, last, n, src.drawn())
			}
			last = ids.Last()
			if i%3 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
	})
}

// A store that serves few at once is found out here, too.
func TestPrefetchLearnsTheStoresLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{way: time.Millisecond, maxCount: 10}
		seq := src.sequence(t, seqd.WithPrefetch(1000))
		for range 1000 {
			if _, err := seq.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(src.requests()); n > 1000/3 {
			t.Errorf("1000 ids took %d requests", n)
		}
	})
}

func TestPrefetchDoesNotAllocate(t *testing.T) {
	src := &source{}
	seq := src.sequence(t, seqd.WithPrefetch(200_000))
	for range 500_000 { // until the stock is large
		if _, err := seq.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	if n := testing.AllocsPerRun(10_000, func() { _, _ = seq.Next(ctx) }); n > 0 {
		t.Errorf("%v allocations for an id", n)
	}
}
