package allocator_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// What Strong and Weak have in common.

func TestFirstIs1(t *testing.T) {
	inBothModes(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		c.ask(key, 1, time.Second).wantIDs(t, 1, 1, 0)
		c.ask(key, 2, time.Second).wantIDs(t, 2, 2, 0)
	})
}

func TestKeysOfTwoStoresAreApart(t *testing.T) {
	inBothModes(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		for _, store := range []string{"a", "b", ""} {
			k := allocator.Key{Store: store, Name: "k"}
			c.ask(k, 3, time.Second).wantIDs(t, 1, 3, 0)
			c.ask(k, 1, time.Second).wantIDs(t, 4, 1, 0)
		}
	})
}

func TestSlowKeysDelayNoOther(t *testing.T) {
	inBothModes(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		var stalled []*request
		for i := range 600 {
			k := allocator.Key{Store: "slow", Name: fmt.Sprint(i)}
			time.AfterFunc(time.Minute, m.Stall(k))
			stalled = append(stalled, c.ask(k, 1, time.Hour))
		}
		for range 3 {
			c.ask(key, 1, time.Second)
			c.ask(other, 20, time.Second)
		}
		c.ask(key, 1, time.Second).wantIDs(t, 4, 1, 0)
		c.ask(other, 20, time.Second).wantIDs(t, 61, 20, 0)
		time.Sleep(time.Minute)
		for _, r := range stalled {
			r.wantIDs(t, 1, 1, time.Minute)
		}
	})
}

// Nobody waits for an advance: however many are under way, there is no goroutine
// for them.
func TestAdvancesTakeNoGoroutines(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h held
				c := newCaller(t, mode.open(&h))
				before := runtime.NumGoroutine()
				for i := range 1000 {
					c.ask(numbered(i), 1, time.Hour)
				}
				synctest.Wait()
				if got := len(h.advances); got != 1000 {
					t.Errorf("%d advances are under way for 1000 slow keys: some key waits for another", got)
				}
				if got := runtime.NumGoroutine() - before; got > 0 {
					t.Errorf("%d goroutines wait for advances", got)
				}
				for _, a := range h.advances {
					a.Done.Advanced(a, allocator.Range{First: 1, N: a.N}, nil)
				}
			})
		})
	}
}

// held is a Starter whose advances a test ends by itself.
type held struct{ advances []*allocator.Advance }

func (h *held) Start(a *allocator.Advance) { h.advances = append(h.advances, a) }

// Errors of the Counter reach everyone who waits, are not remembered, and their
// ids are never handed out, whether they were reserved, will be, or were not.
func TestCounterErrors(t *testing.T) {
	tests := []struct {
		name  string
		fault allocatortest.Fault
		want  error
	}{
		{"refused", allocatortest.Fault{Outcome: allocatortest.Refused}, allocator.ErrUnavailable},
		{"lost", allocatortest.Fault{Outcome: allocatortest.Lost}, allocator.ErrUnavailable},
		{"late", allocatortest.Fault{Outcome: allocatortest.Late, Before: time.Second}, allocator.ErrUnavailable},
		{"fenced", allocatortest.Fault{Outcome: allocatortest.Refused, Err: allocator.ErrFenced}, allocator.ErrFenced},
		{"unreadable", allocatortest.Fault{Outcome: allocatortest.Refused, Err: allocator.ErrUnreadable}, allocator.ErrUnreadable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBothModes(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
				once(m, tt.fault)
				c.ask(key, 3, time.Minute).wantError(t, tt.want, 0)
				burned := m.Last(key)
				r := c.ask(key, 3, time.Minute)
				r.wantIDs(t, burned+1, 3, 0)

				late := allocator.Range{First: m.Last(key) + 1}
				time.Sleep(2 * time.Second)
				late.N = int(m.Last(key) - late.First + 1)
				next := c.ask(key, 100, time.Minute).got()
				if len(next) != 1 || next[0].err != nil || next[0].ids.First <= burned+3 {
					t.Fatalf("next request got %v, want ids above %d", next, burned+3)
				}
				if ids := next[0].ids; late.N > 0 && ids.First <= late.Last() && late.First <= ids.Last() {
					t.Errorf("next request got %v, of which %v were reserved by an advance that failed", ids, late)
				}
			})
		})
	}
}

func TestErrorReachesAllWhoWait(t *testing.T) {
	inBothModes(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		m.Script(func(call allocatortest.Call) allocatortest.Fault {
			return allocatortest.Fault{Before: time.Second, Outcome: allocatortest.Refused}
		})
		r := c.ask(key, 1, time.Minute)
		synctest.Wait()
		a, b := c.ask(key, 1, time.Minute), c.ask(key, 50, time.Minute)
		time.Sleep(5 * time.Second)
		for _, r := range []*request{r, a, b} {
			if got := r.got(); len(got) != 1 || !errors.Is(got[0].err, allocator.ErrUnavailable) {
				t.Errorf("request got %v, want ErrUnavailable", got)
			}
		}
		if calls := len(m.Calls()); calls > 2 {
			t.Errorf("%d advances for 3 requests, want at most 2: retries are the Counter's", calls)
		}
	})
}

func TestStop(t *testing.T) {
	inBothModes(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		defer m.Stall(key)()
		underWay := c.ask(key, 1, time.Hour)
		synctest.Wait()
		waiting := []*request{c.ask(key, 1, time.Hour), c.ask(key, 100, time.Hour)}
		c.ask(other, 1, time.Hour).wantIDs(t, 1, 1, 0)
		time.Sleep(time.Second)
		c.allocator.Stop()
		underWay.wantError(t, allocator.ErrStopped, time.Second)
		for _, r := range waiting {
			r.wantError(t, allocator.ErrStopped, time.Second)
		}
		calls := len(m.Calls())
		c.ask(key, 1, time.Hour).wantError(t, allocator.ErrStopped, 0)
		c.ask(other, 1, time.Hour).wantError(t, allocator.ErrStopped, 0)
		wantAdvances(t, m, calls)
		c.allocator.Stop()
	})
}

// An advance that a Counter finishes although its context ended is of use.
func TestStopLetsAnAdvanceFinish(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := new(allocatortest.Memory)
				m.Script(slow(time.Second))
				c := newCaller(t, mode.open(deaf{m}))
				r := c.ask(key, 1, time.Hour)
				synctest.Wait()
				c.allocator.Stop()
				r.wantIDs(t, 1, 1, time.Second)
			})
		})
	}
}

// deaf is a Starter whose advances end with success only.
type deaf struct{ *allocatortest.Memory }

func (d deaf) Start(a *allocator.Advance) {
	allocatortest.Start(a, func(ctx context.Context, key allocator.Key, n int) (allocator.Range, error) {
		return d.Advance(context.WithoutCancel(ctx), key, n)
	})
}

// A waiter may use its request again at once, from within Allocated.
func TestRequestIsUsedAgain(t *testing.T) {
	const waiters, rounds = 10, 100
	inBothModes(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		m.Script(slow(time.Millisecond))
		again := make([]repeater, waiters)
		for i := range again {
			again[i] = repeater{allocator: c.allocator, left: rounds}
			c.allocator.Allocate(&allocator.Request{Key: key, N: 2, Deadline: time.Now().Add(time.Hour), Waiter: &again[i]})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for i := range again {
			if r := &again[i]; r.left != 0 || r.err != nil {
				t.Errorf("%d rounds are left, error %v", r.left, r.err)
			}
		}
	})
}

// repeater is a Waiter that makes its request again.
type repeater struct {
	allocator allocator.Allocator
	left      int
	last      int64
	err       error
}

func (p *repeater) Allocated(r *allocator.Request, ids allocator.Range, err error) {
	if err != nil || ids.N != r.N || ids.First <= p.last {
		p.err = fmt.Errorf("got %v after %d: %w", ids, p.last, err)
		return
	}
	p.last = ids.Last()
	if p.left--; p.left > 0 {
		p.allocator.Allocate(r)
	}
}

func TestWaitEnds(t *testing.T) {
	inBothModes(t, func(t *testing.T, m *allocatortest.Memory, c *caller) {
		defer m.Stall(key)()

		start := time.Now()
		_, err := allocator.Wait(context.WithoutCancel(t.Context()), c.allocator, key, 1)
		if took := time.Since(start); !errors.Is(err, allocator.ErrExpired) || took != allocator.DefaultPatience {
			t.Errorf("without a deadline Wait ends with %v after %v, want ErrExpired after %v", err, took, allocator.DefaultPatience)
		}

		cause := errors.New("no longer needed")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		start = time.Now()
		_, err = allocator.Wait(ctx, c.allocator, key, 1)
		if took := time.Since(start); !errors.Is(err, cause) || took != time.Second {
			t.Errorf("cancelled Wait ends with %v after %v, want the cause after 1s", err, took)
		}

		ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
		defer stop()
		start = time.Now()
		_, err = allocator.Wait(ctx, c.allocator, key, 1)
		if took := time.Since(start); took != 2*time.Second || !errors.Is(err, allocator.ErrExpired) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait with a deadline ends with %v after %v, want it to after 2s", err, took)
		}
	})
}
