package allocatortest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// Memory is an [allocator.Counter] in memory, and an [allocator.Source] over it.
// Several issuers over one Memory are what several processes over one etcd are.
//
// The zero value is an empty store without faults. Memory is safe for
// concurrent use. It waits on nothing but timers, channels and its lock, so it
// may live in a testing/synctest bubble; then all of its use must.
type Memory struct {
	mu      sync.Mutex
	marks   map[allocator.Key]int64         // every id ≤ the mark is reserved
	stalls  map[allocator.Key]chan struct{} // closed and removed by release
	script  func(Call) Fault
	calls   []Call
	hooks   []allocator.Hooks   // of those attached
	tenure  *allocator.Tenure   // of owned keys; nil: none
	answers map[recorded]answer // to requests that are made once
}

var (
	_ allocator.Counter = (*Memory)(nil)
	_ allocator.Source  = (*Memory)(nil)
)

// Advance reserves n ids of key, as the script has it. A call whose context has
// ended reserves nothing, and one whose context ends before the mark moves
// never does, unless its outcome is Late.
//
// Advance panics if n < 1: no allocator may ask for that.
func (m *Memory) Advance(ctx context.Context, key allocator.Key, n int) (allocator.Range, error) {
	if n < 1 {
		panic(fmt.Sprintf("allocatortest: advance %q by %d", key, n))
	}
	return m.advanceBy(ctx, demand{key: key, n: n})
}

func (m *Memory) advanceBy(ctx context.Context, d demand) (allocator.Range, error) {
	n := d.total()
	stalled, fault := m.begin(d.key, n)
	ids, err := m.advance(ctx, d, stalled, fault)
	if err != nil {
		return allocator.Range{}, fmt.Errorf("advance %q by %d: %w", d.key, n, err)
	}
	return ids, nil
}

func (m *Memory) begin(key allocator.Key, n int) (stalled <-chan struct{}, fault Fault) {
	m.mu.Lock()
	call := Call{Seq: len(m.calls), Key: key, N: n}
	m.calls = append(m.calls, call)
	stalled, script := m.stalls[key], m.script
	m.mu.Unlock()
	if script != nil {
		fault = script(call)
	}
	if fault.Err == nil {
		fault.Err = allocator.ErrUnavailable
	}
	return stalled, fault
}

func (m *Memory) advance(ctx context.Context, d demand, stalled <-chan struct{}, fault Fault) (allocator.Range, error) {
	for _, hold := range []<-chan struct{}{stalled, fault.Hold} {
		if err := await(ctx, hold); err != nil {
			return allocator.Range{}, err
		}
	}
	if fault.Outcome == Late {
		late := d
		late.answers = slices.Clone(d.answers)
		err := sleep(ctx, fault.After)
		time.AfterFunc(fault.Before, func() { _, _ = m.reserve(late) })
		return allocator.Range{}, cmp.Or(err, fault.Err)
	}
	if err := sleep(ctx, fault.Before); err != nil {
		return allocator.Range{}, err
	}
	if fault.Outcome == Refused {
		return allocator.Range{}, cmp.Or(sleep(ctx, fault.After), fault.Err)
	}
	told := d.answers
	d.answers = slices.Clone(told)
	ids, exhausted := m.reserve(d)
	if err := sleep(ctx, fault.After); err != nil {
		return allocator.Range{}, err
	}
	if fault.Outcome == Lost {
		return allocator.Range{}, fault.Err
	}
	copy(told, d.answers)
	return ids, exhausted
}

func (m *Memory) setLocked(key allocator.Key, last int64) {
	if m.marks == nil {
		m.marks = map[allocator.Key]int64{}
	}
	m.marks[key] = last
}

// Start is Advance that does not block: see [allocator.Starter].
func (m *Memory) Start(a *allocator.Advance) {
	if a.Owned {
		a.Tenure = m.current()
	}
	Start(a, func(ctx context.Context, _ allocator.Key, _ int) (allocator.Range, error) {
		if a.Owned && a.Tenure == nil {
			return allocator.Range{}, fmt.Errorf("%w: there is no tenure", allocator.ErrUnavailable)
		}
		return m.advanceBy(ctx, demand{a.Key, a.N, a.Above, a.Answers})
	})
}

// Start has advance do a on a goroutine of its own. It makes a Starter of what
// can only block.
func Start(a *allocator.Advance, advance func(context.Context, allocator.Key, int) (allocator.Range, error)) {
	go func() {
		ctx, cancel := a.Context()
		ids, err := advance(ctx, a.Key, a.N)
		cancel()
		a.Done.Advanced(a, ids, err)
	}()
}

// Attach has hooks called, beside those of others: see [allocator.Source].
func (m *Memory) Attach(hooks allocator.Hooks) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hooks = append(m.hooks, hooks)
}

// Revoke has everybody drop what was reserved so far, as an etcd does whose
// history went backwards.
func (m *Memory) Revoke() {
	m.mu.Lock()
	hooks := slices.Clone(m.hooks)
	m.mu.Unlock()
	for _, h := range hooks {
		if h.Revoke != nil {
			h.Revoke()
		}
	}
}

// Lineage is not known.
func (m *Memory) Lineage() string { return "" }

// Last returns key's mark: every id up to it is reserved. 0 means none is.
func (m *Memory) Last(key allocator.Key) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.marks[key]
}

// Set puts key's mark at last. Setting it back breaks the promises of a Counter.
func (m *Memory) Set(key allocator.Key, last int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.setLocked(key, last)
}

// Script has f say how each advance from now on goes; nil ends the faults. f is
// called at the beginning of the advance, without a lock held, and must be safe
// for concurrent use if advances are concurrent.
func (m *Memory) Script(f func(Call) Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.script = f
}

// Stall has the advances of key that begin from now on stand still, until
// release is called or their context ends. A key has at most one stall.
func (m *Memory) Stall(key allocator.Key) (release func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stalls[key] != nil {
		panic(fmt.Sprintf("allocatortest: %q is stalled already", key))
	}
	if m.stalls == nil {
		m.stalls = map[allocator.Key]chan struct{}{}
	}
	stall := make(chan struct{})
	m.stalls[key] = stall
	return sync.OnceFunc(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.stalls, key)
		close(stall)
	})
}

// Calls returns the calls of Advance so far, in the order they began.
func (m *Memory) Calls() []Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.calls)
}

// await blocks until c is closed; nil is. It reports a context that ended.
func await(ctx context.Context, c <-chan struct{}) error {
	if c != nil {
		select {
		case <-c:
		case <-ctx.Done():
		}
	}
	return ended(ctx)
}

// sleep blocks for d. It reports a context that ended.
func sleep(ctx context.Context, d time.Duration) error {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return ended(ctx)
}

func ended(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", allocator.ErrUnavailable, context.Cause(ctx))
}
