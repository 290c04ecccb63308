package allocator_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// bare is a Source that costs next to nothing, so that what is measured is the
// allocator. As etcd's does, it tells what came of advances on a goroutine of
// its own.
type bare struct {
	marks sync.Map
	due   chan *allocator.Advance
}

func newBare(b *testing.B) *bare {
	tenure := allocator.NewTenure(time.Now(), time.Now().Add(time.Hour))
	c := &bare{due: make(chan *allocator.Advance, 1024)} // more than are ever under way
	go func() {
		for a := range c.due {
			ids, err := c.Advance(a.Ctx, a.Key, a.N)
			if a.Owned {
				a.Tenure = tenure
			}
			a.Done.Advanced(a, ids, err)
		}
	}()
	b.Cleanup(func() { close(c.due) })
	return c
}

func (c *bare) Start(a *allocator.Advance) { c.due <- a }

func (*bare) Attach(allocator.Hooks)                 {}
func (*bare) Lineage() string                        { return "" }
func (*bare) Renew(context.Context) error            { return nil }
func (*bare) LetGo(context.Context) error            { return nil }
func (*bare) Release(allocator.Key, allocator.Range) {}

func (c *bare) Advance(_ context.Context, key allocator.Key, n int) (allocator.Range, error) {
	mark, ok := c.marks.Load(key)
	if !ok {
		mark, _ = c.marks.LoadOrStore(key, new(atomic.Int64))
	}
	last := mark.(*atomic.Int64).Add(int64(n))
	return allocator.Range{First: last - int64(n) + 1, N: n}, nil
}

// inFlight keeps requests under way: each is made again as soon as it is
// answered.
type inFlight struct {
	b         *testing.B
	allocator allocator.Allocator
	left      atomic.Int64
	done      sync.WaitGroup
}

func (f *inFlight) Allocated(r *allocator.Request, _ allocator.Range, err error) {
	if err != nil {
		f.b.Error(err)
	}
	if f.left.Add(-1) < 0 {
		f.done.Done()
		return
	}
	f.allocator.Allocate(r)
}

// answer measures b.N answers, with a request of each key under way.
func (f *inFlight) answer(keys []allocator.Key) {
	deadline := time.Now().Add(time.Hour)
	f.b.ReportAllocs()
	f.left.Store(int64(f.b.N))
	f.done.Add(len(keys))
	f.b.ResetTimer()
	for _, k := range keys {
		f.allocator.Allocate(&allocator.Request{Key: k, N: 1, Deadline: deadline, Waiter: f})
	}
	f.done.Wait()
}

func BenchmarkStrong1Key256Waiters(b *testing.B) {
	s := allocator.NewStrong(newBare(b), nil)
	defer s.Stop()
	keys := make([]allocator.Key, 256)
	for i := range keys {
		keys[i] = key
	}
	(&inFlight{b: b, allocator: s}).answer(keys)
}

func BenchmarkStrong1Key1Waiter(b *testing.B) {
	s := allocator.NewStrong(newBare(b), nil)
	defer s.Stop()
	(&inFlight{b: b, allocator: s}).answer([]allocator.Key{key})
}

func BenchmarkStrong256Keys(b *testing.B) {
	s := allocator.NewStrong(newBare(b), nil)
	defer s.Stop()
	keys := make([]allocator.Key, 256)
	for i := range keys {
		keys[i] = numbered(i)
	}
	(&inFlight{b: b, allocator: s}).answer(keys)
}

func BenchmarkWeakTake(b *testing.B) {
	w := allocator.NewWeak(newBare(b), allocator.WeakConfig{})
	defer w.Stop()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := w.Take(key, 1, 0); !ok {
			if _, err := allocator.Wait(context.Background(), w, key, 1); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkTakeOwned is BenchmarkWeakTake of a key that this process owns. The
// clock is not in it: whoever handles a request has read it for either.
func BenchmarkTakeOwned(b *testing.B) {
	i := allocator.NewIssuer(newBare(b), allocator.IssuerConfig{})
	defer i.Stop()
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := i.TakeOwned(key, 1, 0, now); !ok {
			if _, err := allocator.Wait(context.Background(), owned{i}, key, 1); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// owned is an Issuer's owned keys as an Allocator.
type owned struct{ *allocator.Issuer }

func (o owned) Allocate(r *allocator.Request) { o.AllocateOwned(r) }

func BenchmarkWeakTakeParallel(b *testing.B) {
	w := allocator.NewWeak(newBare(b), allocator.WeakConfig{})
	defer w.Stop()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, ok := w.Take(key, 1, 0); !ok {
				if _, err := allocator.Wait(context.Background(), w, key, 1); err != nil {
					b.Error(err)
				}
			}
		}
	})
}

// BenchmarkWeakColdKeys asks for one id of a key that is not in memory, beyond
// the number of keys that may be.
func BenchmarkWeakColdKeys(b *testing.B) {
	w := allocator.NewWeak(newBare(b), allocator.WeakConfig{MaxKeys: 1000})
	defer w.Stop()
	keys := make([]allocator.Key, 10_000)
	for i := range keys {
		keys[i] = numbered(i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := allocator.Wait(context.Background(), w, keys[i%len(keys)], 1); err != nil {
			b.Fatal(err)
		}
	}
}
