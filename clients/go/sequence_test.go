package seqd_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	seqd "github.com/seqd-io/seqd/clients/go"
)

// Calls that come while a request is under way share the next one, which is for
// exactly their ids.
func TestSequenceShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{way: 5 * time.Millisecond}
		seq := src.sequence(t)
		calls := []<-chan outcome{call(t.Context(), seq, 1)}
		synctest.Wait()
		for n := range 10 {
			calls = append(calls, call(t.Context(), seq, 1+n%3))
		}
		var got []int64
		for i, c := range calls {
			o := <-c
			if o.err != nil {
				t.Fatal(o.err)
			}
			if want := time.Duration(min(i+1, 2)) * 10 * time.Millisecond; o.took != want {
				t.Errorf("call %d took %v, want %v", i, o.took, want)
			}
			got = slices.AppendSeq(got, o.ids.All())
		}
		slices.Sort(got)
		for i, id := range got {
			if id != int64(i+1) {
				t.Fatalf("got %v, want 1 to %d, each once", got, len(got))
			}
		}
		if want := []int{1, 19}; !slices.Equal(src.requests(), want) {
			t.Errorf("got requests for %v ids, want %v", src.requests(), want)
		}
	})
}

// A request is sent after the calls it serves began: others draw from the same
// counter meanwhile, and an id that was drawn too early would be out of order.
func TestSequenceIsStrict(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			src := &source{way: time.Millisecond}
			seq := src.sequence(t, seqd.WithMode(seqd.Strong))
			var h history
			var wg sync.WaitGroup
			for i := range 24 {
				c := caller{client: i, rounds: 40, pause: 3 * time.Millisecond}
				switch i % 4 {
				case 0: // another client
					c.next = src.draw
				case 1: // one that often gives up
					c.next = func(n int) (seqd.Range, error) {
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+n)*700*time.Microsecond)
						defer cancel()
						return seq.NextN(ctx, n)
					}
				default:
					c.next = func(n int) (seqd.Range, error) { return seq.NextN(t.Context(), n) }
				}
				wg.Go(func() { c.run(t, &h, seed+round) })
			}
			wg.Wait()
			if err := h.check(); err != nil {
				t.Error(err)
			}
			if ops := len(h.ops); ops < 24*40/2 {
				t.Errorf("%d operations show little", ops)
			}
		})
	}
}

// One caller alone gets dense ids, and a request for each.
func TestSequenceAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{way: time.Millisecond}
		seq := src.sequence(t)
		for want := int64(1); want <= 5; want++ {
			if id, err := seq.Next(t.Context()); err != nil || id != want {
				t.Errorf("got %d, %v, want %d", id, err, want)
			}
		}
		if want := []int{1, 1, 1, 1, 1}; !slices.Equal(src.requests(), want) {
			t.Errorf("got requests for %v ids, want %v", src.requests(), want)
		}
	})
}

// A store that serves few at once is found out, without an error or a gap.
func TestSequenceLearnsTheStoresLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{way: time.Millisecond, maxCount: 10}
		seq := src.sequence(t, seqd.WithMode(seqd.Strong))
		blocked := call(t.Context(), seq, 1)
		synctest.Wait()
		tooLarge := call(t.Context(), seq, 11)
		var calls []<-chan outcome
		for range 100 {
			calls = append(calls, call(t.Context(), seq, 1))
		}
		var got []int64
		for _, c := range append(calls, blocked) {
			o := <-c
			if o.err != nil {
				t.Fatal(o.err)
			}
			got = append(got, o.ids.First)
		}
		slices.Sort(got)
		if n := len(slices.Compact(got)); n != 101 || got[0] != 1 {
			t.Errorf("got %d different ids from %d", n, got[0])
		}
		if o := <-tooLarge; !errors.Is(o.err, seqd.ErrBadRequest) {
			t.Errorf("11 ids at once: got %v, want %v", o.err, seqd.ErrBadRequest)
		}
		before := len(src.requests())
		for range 100 {
			calls = append(calls, call(t.Context(), seq, 1))
		}
		for _, c := range calls[100:] {
			if o := <-c; o.err != nil {
				t.Error(o.err)
			}
		}
		if n := len(src.requests()) - before; n > 100/4 {
			t.Errorf("100 calls took %d requests", n)
		}
	})
}

// The last ids of a key go to as many calls as they suffice for.
func TestSequenceToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{way: time.Millisecond, last: math.MaxInt64 - 21, end: math.MaxInt64}
		seq := src.sequence(t)
		calls := []<-chan outcome{call(t.Context(), seq, 1)}
		synctest.Wait()
		for range 50 {
			calls = append(calls, call(t.Context(), seq, 1))
		}
		var got []int64
		for _, c := range calls {
			switch o := <-c; {
			case o.err == nil:
				got = append(got, o.ids.First)
			case !errors.Is(o.err, seqd.ErrExhausted):
				t.Errorf("got %v, want %v", o.err, seqd.ErrExhausted)
			}
		}
		slices.Sort(got)
		if n := len(slices.Compact(got)); n != 21 || got[0] != math.MaxInt64-20 || got[20] != math.MaxInt64 {
			t.Errorf("got %d ids, %d to %d, want the last 21", n, got[0], got[n-1])
		}
	})
}
