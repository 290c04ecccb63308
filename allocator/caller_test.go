package allocator_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

var (
	key   = allocator.Key{Store: "s", Name: "k"}
	other = allocator.Key{Store: "s", Name: "other"}
)

// stopper is what Strong and Weak have in common.
type stopper interface {
	allocator.Allocator
	Stop()
}

// modes are both allocators, for what they have in common.
var modes = []struct {
	name string
	open func(allocator.Starter) stopper
}{
	{"Strong", func(c allocator.Starter) stopper { return allocator.NewStrong(c, nil) }},
	{"Weak", func(c allocator.Starter) stopper { return allocator.NewWeak(c, allocator.WeakConfig{}) }},
}

// inBothModes runs a test in a bubble of its own for each allocator.
func inBothModes(t *testing.T, test func(t *testing.T, m *allocatortest.Memory, c *caller)) {
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := new(allocatortest.Memory)
				test(t, m, newCaller(t, mode.open(m)))
			})
		})
	}
}

// caller asks an allocator. When the test ends it stops the allocator and
// checks that each request was answered exactly once, whatever the test is
// about.
type caller struct {
	allocator stopper

	mu       sync.Mutex
	requests []*request
}

func newCaller(t *testing.T, a stopper) *caller {
	c := &caller{allocator: a}
	t.Cleanup(func() {
		c.allocator.Stop()
		synctest.Wait()
		for _, r := range c.requests {
			if answers := r.got(); len(answers) != 1 {
				t.Errorf("request for %d ids of %q got %d answers: %v", r.N, r.Key, len(answers), answers)
			}
		}
	})
	return c
}

// ask makes a request and does not wait for its answer.
func (c *caller) ask(key allocator.Key, n int, patience time.Duration) *request {
	now := time.Now()
	r := &request{asked: now, Request: allocator.Request{Key: key, N: n, Deadline: now.Add(patience)}}
	r.Waiter = r
	c.mu.Lock()
	c.requests = append(c.requests, r)
	c.mu.Unlock()
	c.allocator.Allocate(&r.Request)
	return r
}

// request is a request that keeps its answers.
type request struct {
	allocator.Request
	asked time.Time

	mu      sync.Mutex
	answers []answer
}

type answer struct {
	ids   allocator.Range
	err   error
	after time.Duration // since the request was made
}

func (r *request) Allocated(_ *allocator.Request, ids allocator.Range, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers = append(r.answers, answer{ids, err, time.Since(r.asked)})
}

// got returns the answers there are once every goroutine waits for time to pass.
func (r *request) got() []answer {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answers
}

// wantIDs checks that r got n ids from first on, that long after it was made.
func (r *request) wantIDs(t *testing.T, first int64, n int, after time.Duration) {
	t.Helper()
	got := r.got()
	want := answer{ids: allocator.Range{First: first, N: n}, after: after}
	if len(got) != 1 || got[0] != want {
		t.Errorf("request for %d ids got %v, want %v", r.N, got, want)
	}
}

// wantError checks that r got err, that long after it was made.
func (r *request) wantError(t *testing.T, err error, after time.Duration) {
	t.Helper()
	got := r.got()
	if len(got) != 1 || !errors.Is(got[0].err, err) || got[0].ids != (allocator.Range{}) || got[0].after != after {
		t.Errorf("request for %d ids got %v, want error %q after %v", r.N, got, err, after)
	}
}

func (r *request) wantNoAnswer(t *testing.T) {
	t.Helper()
	if got := r.got(); len(got) != 0 {
		t.Errorf("request for %d ids got %v, want no answer yet", r.N, got)
	}
}

// wantAdvances checks how many ids were asked for in each advance since the
// first skip.
func wantAdvances(t *testing.T, m *allocatortest.Memory, skip int, want ...int) {
	t.Helper()
	synctest.Wait()
	var got []int
	for _, call := range m.Calls()[skip:] {
		got = append(got, call.N)
	}
	if !slices.Equal(got, want) {
		t.Errorf("advances were by %v, want %v", got, want)
	}
}

func wantLast(t *testing.T, m *allocatortest.Memory, key allocator.Key, want int64) {
	t.Helper()
	synctest.Wait()
	if got := m.Last(key); got != want {
		t.Errorf("mark of %q is at %d, want %d", key, got, want)
	}
}

// slow makes every advance take d, half of it before the mark moves.
func slow(d time.Duration) func(allocatortest.Call) allocatortest.Fault {
	return func(allocatortest.Call) allocatortest.Fault {
		return allocatortest.Fault{Before: d / 2, After: d / 2}
	}
}

// once has the next advance go wrong, and those after it go well.
func once(m *allocatortest.Memory, fault allocatortest.Fault) {
	m.Script(func(allocatortest.Call) allocatortest.Fault {
		m.Script(nil)
		return fault
	})
}
