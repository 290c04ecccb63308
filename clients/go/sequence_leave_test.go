package seqd_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	seqd "github.com/seqd-io/seqd/clients/go"
)

// Calls that give up before their request is sent take their places with them,
// wherever those are: the request is for what the others want, and each of them
// gets a part of its own.
func TestSequenceSpendsNothingOnThoseWhoLeft(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			src := &source{way: 10 * time.Millisecond}
			seq := src.sequence(t)
			calls := []<-chan outcome{call(t.Context(), seq, 1)}
			synctest.Wait()
			wanted := 0
			var leavers []<-chan outcome
			for range 2 { // the second time beside those who left
				var cancels []context.CancelFunc
				for range 8 {
					n := 1 + rnd.IntN(3)
					if rnd.IntN(2) == 0 {
						wanted += n
						calls = append(calls, call(t.Context(), seq, n))
						synctest.Wait()
						continue
					}
					ctx, cancel := context.WithCancel(t.Context())
					cancels = append(cancels, cancel)
					leavers = append(leavers, call(ctx, seq, n))
					synctest.Wait()
				}
				rnd.Shuffle(len(cancels), func(i, j int) { cancels[i], cancels[j] = cancels[j], cancels[i] })
				for _, cancel := range cancels {
					cancel()
					synctest.Wait()
				}
			}
			for _, c := range leavers {
				if o := <-c; !errors.Is(o.err, context.Canceled) {
					t.Errorf("got %v, want %v", o.err, context.Canceled)
				}
			}
			var got []int64
			for _, c := range calls {
				o := <-c
				if o.err != nil {
					t.Fatal(o.err)
				}
				got = slices.AppendSeq(got, o.ids.All())
			}
			slices.Sort(got)
			for i, id := range got {
				if id != int64(i+1) {
					t.Fatalf("got %v, want 1 to %d, each once", got, len(got))
				}
			}
			want := []int{1}
			if wanted > 0 {
				want = append(want, wanted)
			}
			if !slices.Equal(src.requests(), want) {
				t.Errorf("got requests for %v ids, want %v", src.requests(), want)
			}
		})
	}
}

// The id that shows that a request was for too many goes to the first call that
// has not given up, once.
func TestSequenceProbesIDIsGivenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{way: 10 * time.Millisecond, maxCount: 2}
		seq := src.sequence(t, seqd.WithMode(seqd.Strong))
		calls := []<-chan outcome{call(t.Context(), seq, 1)}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		left := call(ctx, seq, 1)
		synctest.Wait()
		for range 5 {
			calls = append(calls, call(t.Context(), seq, 1))
		}
		synctest.Wait()
		cancel()
		if o := <-left; !errors.Is(o.err, context.Canceled) {
			t.Errorf("got %v, want %v", o.err, context.Canceled)
		}
		var got []int64
		for _, c := range calls {
			o := <-c
			if o.err != nil {
				t.Fatal(o.err)
			}
			got = append(got, o.ids.First)
		}
		slices.Sort(got)
		if want := []int64{1, 2, 3, 4, 5, 6}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
