package seqd_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	seqd "github.com/seqd-io/seqd/clients/go"
)

// Whatever a shared request came to, all its calls learn it, and only they.
func TestSequenceErrorsReachAll(t *testing.T) {
	for _, want := range codes {
		t.Run(string(want.err.Code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mended atomic.Bool
				src := &source{way: time.Millisecond, refuse: func(num, n int) error {
					if num > 1 && !mended.Load() {
						return want.err
					}
					return nil
				}}
				seq := src.sequence(t, seqd.WithTimeout(100*time.Millisecond))
				first := call(t.Context(), seq, 1)
				synctest.Wait()
				var calls []<-chan outcome
				for n := range 20 {
					calls = append(calls, call(t.Context(), seq, 1+n%2))
				}
				if o := <-first; o.err != nil {
					t.Error(o.err)
				}
				for _, c := range calls {
					o := <-c
					if !errors.Is(o.err, want.err) || o.ids.First != 0 {
						t.Fatalf("got %v, %v, want %v", o.ids, o.err, want.err)
					}
					if got := errors.Is(o.err, context.DeadlineExceeded); got != want.again {
						t.Errorf("errors.Is(err, context.DeadlineExceeded) is %v", got)
					}
					if !strings.Contains(o.err.Error(), `store "orders" key "invoice"`) {
						t.Errorf("%q does not say for which key", o.err)
					}
				}
				mended.Store(true)
				if _, err := seq.Next(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A call whose context ends returns in that moment; the others get their ids.
// What nobody waits for is not sent, or is given up.
func TestSequenceCancel(t *testing.T) {
	ms := time.Millisecond
	for _, tt := range []struct {
		name     string
		behind   bool            // a request is under way before
		cancel   []time.Duration // when the calls' contexts end; 0: never
		requests string
		givenUp  int
	}{
		{"one alone", false, []time.Duration{5 * ms}, "[1]", 1},
		{"one of two", true, []time.Duration{25 * ms, 0}, "[1 2]", 0},
		{"one before it is sent", true, []time.Duration{5 * ms, 0}, "[1 1]", 0},
		{"all", true, []time.Duration{25 * ms, 30 * ms}, "[1 2]", 1},
		{"all before it is sent", true, []time.Duration{5 * ms, 10 * ms}, "[1]", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := &source{way: 10 * ms}
				seq := src.sequence(t)
				if tt.behind {
					first := call(t.Context(), seq, 1)
					defer func() {
						if o := <-first; o.err != nil {
							t.Error(o.err)
						}
					}()
					synctest.Wait()
				}
				var calls []<-chan outcome
				why := errors.New("the user left")
				for _, after := range tt.cancel {
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					if after > 0 {
						time.AfterFunc(after, func() { cancel(why) })
					}
					calls = append(calls, call(ctx, seq, 1))
				}
				for i, c := range calls {
					o := <-c
					if tt.cancel[i] == 0 {
						if o.err != nil {
							t.Error(o.err)
						}
						continue
					}
					if !errors.Is(o.err, context.Canceled) || !errors.Is(o.err, why) || o.took != tt.cancel[i] {
						t.Errorf("got %v after %v, want %v after %v", o.err, o.took, context.Canceled, tt.cancel[i])
					}
					sent := !tt.behind || tt.cancel[i] > 20*ms
					if got := strings.Contains(o.err.Error(), "ids may have been spent"); got != sent {
						t.Errorf("speaks of a gap: %v, was sent: %v: %v", got, sent, o.err)
					}
				}
				time.Sleep(time.Second)
				if got := fmt.Sprint(src.requests()); got != tt.requests || src.givenUp() != tt.givenUp {
					t.Errorf("got requests %s, %d given up, want %s, %d", got, src.givenUp(), tt.requests, tt.givenUp)
				}
			})
		})
	}
}

// Calls that joined those who gave up do not pay for them.
func TestSequenceCancelLeavesNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{way: 10 * time.Millisecond}
		seq := src.sequence(t)
		first := call(t.Context(), seq, 1)
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		for range 1000 {
			call(ctx, seq, 5)
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		second := call(t.Context(), seq, 1)
		for i, c := range []<-chan outcome{first, second} {
			if o := <-c; o.err != nil || o.ids.First != int64(i+1) {
				t.Errorf("got %v, %v, want %d", o.ids, o.err, i+1)
			}
		}
	})
}

// A call's time passes while the request before its own is under way, too.
func TestSequenceTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answers atomic.Bool
		seq, err := seqd.NewSequence(func(ctx context.Context, n int) (seqd.Range, error) {
			if !answers.Load() {
				<-ctx.Done()
				return seqd.Range{}, ctx.Err()
			}
			return seqd.Range{First: 1, N: n}, nil
		}, seqd.WithAttemptTimeout(time.Hour), seqd.WithTimeout(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		var calls []<-chan outcome
		for range 40 {
			calls = append(calls, call(t.Context(), seq, 1))
			time.Sleep(20 * time.Millisecond)
		}
		for i, c := range calls {
			o := <-c
			if !errors.Is(o.err, context.DeadlineExceeded) {
				t.Errorf("call %d: got %v, want a timeout", i, o.err)
			}
			if o.took > time.Second || o.took < time.Second*15/16 {
				t.Errorf("call %d took %v, want 15/16 s to 1 s", i, o.took)
			}
		}

		answers.Store(true)
		if id, err := seq.Next(t.Context()); err != nil || id != 1 {
			t.Errorf("after the timeouts: got %d, %v, want 1", id, err)
		}
	})
}

// The shared request goes on after the call that had the least time.
func TestSequenceOutlivesItsShortestCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{way: 100 * time.Millisecond}
		seq := src.sequence(t)
		first := call(t.Context(), seq, 1)
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		impatient, patient := call(short, seq, 1), call(t.Context(), seq, 1)
		if o := <-impatient; !errors.Is(o.err, context.DeadlineExceeded) || o.took != 300*time.Millisecond {
			t.Errorf("got %v after %v, want a timeout after 300 ms", o.err, o.took)
		}
		for _, c := range []<-chan outcome{first, patient} {
			if o := <-c; o.err != nil {
				t.Error(o.err)
			}
		}
		if got := fmt.Sprint(src.requests()); got != "[1 2]" {
			t.Errorf("got requests %s, want [1 2]", got)
		}
	})
}

func TestSequenceClose(t *testing.T) {
	for _, opts := range [][]seqd.SequenceOption{nil, {seqd.WithPrefetch(100)}} {
		synctest.Test(t, func(t *testing.T) {
			src := &source{way: 10 * time.Millisecond}
			seq := src.sequence(t, opts...)
			for range 10 {
				if _, err := seq.Next(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			var calls []<-chan outcome
			for n := range 20 {
				calls = append(calls, call(t.Context(), seq, 1000+n))
				time.Sleep(time.Millisecond)
			}
			start := time.Now()
			seq.Close()
			seq.Close()
			calls = append(calls, call(t.Context(), seq, 1))
			for _, c := range calls {
				if o := <-c; o.err != nil && !errors.Is(o.err, seqd.ErrClosed) {
					t.Errorf("got %v, want %v", o.err, seqd.ErrClosed)
				}
			}
			if took := time.Since(start); took != 0 {
				t.Errorf("the calls returned %v after Close", took)
			}
			for range 200 {
				if id, err := seq.Next(t.Context()); !errors.Is(err, seqd.ErrClosed) || id != 0 {
					t.Fatalf("got %d, %v, want %v", id, err, seqd.ErrClosed)
				}
			}
			before := len(src.requests())
			time.Sleep(time.Minute)
			if n := len(src.requests()) - before; n > 0 {
				t.Errorf("%d requests were sent after Close", n)
			}
		})
	}
}
