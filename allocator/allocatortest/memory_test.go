package allocatortest_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// memoryPlace is a Memory that each Open returns again.
type memoryPlace struct{ allocatortest.Memory }

func (p *memoryPlace) Open(testing.TB) allocator.Counter { return &p.Memory }

func (p *memoryPlace) Seed(_ testing.TB, key allocator.Key, last int64) { p.Set(key, last) }

func TestMemoryIsACounter(t *testing.T) {
	allocatortest.TestCounter(t, func(testing.TB) allocatortest.Place { return new(memoryPlace) })
}

var key = allocator.Key{Store: "s", Name: "k"}

func TestMemoryFaults(t *testing.T) {
	const patience = 10 * time.Second
	tests := []struct {
		name  string
		fault allocatortest.Fault
		held  bool // for good
		want  error
		took  time.Duration
		last  int64 // when the call has returned
		later int64 // a minute after
	}{
		{name: "none", took: 0, last: 3, later: 3},
		{name: "slow", fault: allocatortest.Fault{Before: time.Second, After: 2 * time.Second}, took: 3 * time.Second, last: 3, later: 3},
		{
			name:  "refused",
			fault: allocatortest.Fault{Before: time.Second, After: time.Second, Outcome: allocatortest.Refused},
			want:  allocator.ErrUnavailable, took: 2 * time.Second, last: 0, later: 0,
		},
		{
			name:  "refused for a reason",
			fault: allocatortest.Fault{Outcome: allocatortest.Refused, Err: allocator.ErrFenced},
			want:  allocator.ErrFenced, took: 0, last: 0, later: 0,
		},
		{
			name:  "lost",
			fault: allocatortest.Fault{Before: time.Second, After: time.Second, Outcome: allocatortest.Lost},
			want:  allocator.ErrUnavailable, took: 2 * time.Second, last: 3, later: 3,
		},
		{
			name:  "late",
			fault: allocatortest.Fault{Before: time.Second, After: time.Second, Outcome: allocatortest.Late},
			want:  allocator.ErrUnavailable, took: time.Second, last: 0, later: 3,
		},
		{
			name:  "late after the context's end",
			fault: allocatortest.Fault{Before: time.Second, After: time.Minute, Outcome: allocatortest.Late},
			want:  context.DeadlineExceeded, took: patience, last: 0, later: 3,
		},
		{
			name:  "context ends before the mark moves",
			fault: allocatortest.Fault{Before: time.Minute},
			want:  context.DeadlineExceeded, took: patience, last: 0, later: 0,
		},
		{
			name:  "context ends after the mark moved",
			fault: allocatortest.Fault{After: time.Minute},
			want:  context.DeadlineExceeded, took: patience, last: 3, later: 3,
		},
		{
			name: "held until the context's end",
			held: true,
			want: context.DeadlineExceeded, took: patience, last: 0, later: 0,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if tt.held {
					tt.fault.Hold = make(chan struct{})
				}
				var m allocatortest.Memory
				m.Script(func(allocatortest.Call) allocatortest.Fault { return tt.fault })
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				start := time.Now()
				ids, err := m.Advance(ctx, key, 3)
				if took := time.Since(start); took != tt.took {
					t.Errorf("Advance took %v, want %v", took, tt.took)
				}
				if last := m.Last(key); last != tt.last {
					t.Errorf("mark is at %d, want %d", last, tt.last)
				}
				if !errors.Is(err, tt.want) {
					t.Errorf("error is %v, want %v", err, tt.want)
				}
				if errors.Is(tt.want, context.DeadlineExceeded) && !errors.Is(err, allocator.ErrUnavailable) {
					t.Errorf("error is %v, want ErrUnavailable too", err)
				}
				if want := (allocator.Range{First: 1, N: 3}); tt.want == nil && ids != want {
					t.Errorf("ids are %v, want %v", ids, want)
				}
				time.Sleep(time.Minute)
				if last := m.Last(key); last != tt.later {
					t.Errorf("a minute later the mark is at %d, want %d", last, tt.later)
				}
			})
		})
	}
}

func TestMemoryStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m allocatortest.Memory
		other := allocator.Key{Store: "other", Name: key.Name}
		release := m.Stall(key)
		time.AfterFunc(time.Minute, release)
		start := time.Now()
		if _, err := m.Advance(t.Context(), other, 1); err != nil || time.Since(start) != 0 {
			t.Errorf("advance of another key: %v after %v, want it at once", err, time.Since(start))
		}
		if _, err := m.Advance(t.Context(), key, 1); err != nil || time.Since(start) != time.Minute {
			t.Errorf("advance of the stalled key: %v after %v, want it after a minute", err, time.Since(start))
		}
		release() // twice is fine
		if _, err := m.Advance(t.Context(), key, 1); err != nil || time.Since(start) != time.Minute {
			t.Errorf("advance of the released key: %v after %v, want it at once", err, time.Since(start))
		}
	})
}

func TestMemoryCalls(t *testing.T) {
	var m allocatortest.Memory
	m.Set(key, math.MaxInt64-2)
	for _, n := range []int{2, 5} {
		_, _ = m.Advance(t.Context(), key, n)
	}
	want := []allocatortest.Call{{Seq: 0, Key: key, N: 2}, {Seq: 1, Key: key, N: 5}}
	if got := m.Calls(); !slices.Equal(got, want) {
		t.Errorf("calls are %v, want %v", got, want)
	}
	if last := m.Last(key); last != math.MaxInt64 {
		t.Errorf("mark is at %d, want MaxInt64", last)
	}
}
