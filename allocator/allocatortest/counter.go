package allocatortest

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// Place is where the Counters of one test keep their marks: a Memory, or a
// prefix in etcd that nobody else uses. It is empty at first.
type Place interface {
	// Open returns another Counter over the same marks, as another process would have.
	Open(t testing.TB) allocator.Counter

	// Seed sets the mark of a key that has none.
	Seed(t testing.TB, key allocator.Key, last int64)
}

// patience bounds a case of the suite: a Counter that works is far faster.
const patience = 30 * time.Second

// TestCounter runs the suite that every Counter passes. Each case gets a place
// of its own from newPlace.
func TestCounter(t *testing.T, newPlace func(t testing.TB) Place) {
	cases := []struct {
		name string
		run  func(ctx context.Context, t *testing.T, p Place)
	}{
		{"FirstIs1", testFirst},
		{"Dense", testDense},
		{"KeysAreApart", testKeysAreApart},
		{"GoesOnAfterOpen", testGoesOn},
		{"Seeded", testSeeded},
		{"OneKeyManyCounters", testOneKey},
		{"ManyKeys", testManyKeys},
		{"Exhausted", testExhausted},
		{"ExhaustedConcurrently", testExhaustedConcurrently},
		{"ContextEnded", testContextEnded},
		{"ContextEndsAnyTime", testContextEndsAnyTime},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			c.run(ctx, t, newPlace(t))
		})
	}
}

func testFirst(ctx context.Context, t *testing.T, p Place) {
	wantRange(ctx, t, p.Open(t), allocator.Key{Store: "s", Name: "k"}, 1, allocator.Range{First: 1, N: 1})
}

func testDense(ctx context.Context, t *testing.T, p Place) {
	c, key := p.Open(t), allocator.Key{Store: "s", Name: "k"}
	next := int64(1)
	for _, n := range []int{1, 1, 7, 1, 100_000, 2, 1 << 40, 3} {
		wantRange(ctx, t, c, key, n, allocator.Range{First: next, N: n})
		next += int64(n)
	}
}

// testKeysAreApart takes one id more of each key than of the one before: a key
// that shares its mark with another one starts too high.
func testKeysAreApart(ctx context.Context, t *testing.T, p Place) {
	c := p.Open(t)
	for i, key := range []allocator.Key{
		{Store: "s", Name: "k"},
		{Store: "s2", Name: "k"},
		{Store: "s", Name: "k2"},
		{Store: "a", Name: "b/c"}, // a store's name holds no slash, a key may
		{Store: "b", Name: "c"},
		{Store: "a", Name: "b.c"},
		{Store: "a", Name: "b"},
		{Store: "a", Name: "b/"},
		{Store: "a", Name: "/b"},
		{Store: "a", Name: "B"},
		{Store: "a", Name: "="},
		{Store: "a", Name: "=E5=8F=91"},
		{Store: "a", Name: "=2Eb"},
		{Store: "a", Name: strings.Repeat("k", 199)},
		{Store: "a", Name: strings.Repeat("k", 200)},
		{Store: strings.Repeat("s", 64), Name: strings.Repeat("k", 200)},
	} {
		wantRange(ctx, t, c, key, i+1, allocator.Range{First: 1, N: i + 1})
		wantRange(ctx, t, c, key, 1, allocator.Range{First: int64(i) + 2, N: 1})
	}
}

func testGoesOn(ctx context.Context, t *testing.T, p Place) {
	key := allocator.Key{Store: "s", Name: "k"}
	a := p.Open(t)
	wantRange(ctx, t, a, key, 5, allocator.Range{First: 1, N: 5})
	b := p.Open(t)
	wantRange(ctx, t, b, key, 1, allocator.Range{First: 6, N: 1})
	// What a learned of the mark is out of date now.
	wantRange(ctx, t, a, key, 2, allocator.Range{First: 7, N: 2})
	wantRange(ctx, t, b, key, 2, allocator.Range{First: 9, N: 2})
}

func testSeeded(ctx context.Context, t *testing.T, p Place) {
	key := allocator.Key{Store: "s", Name: "k"}
	p.Seed(t, key, 1000)
	wantRange(ctx, t, p.Open(t), key, 2, allocator.Range{First: 1001, N: 2})
	wantRange(ctx, t, p.Open(t), allocator.Key{Store: "s", Name: "l"}, 1, allocator.Range{First: 1, N: 1})
}

func testExhausted(ctx context.Context, t *testing.T, p Place) {
	key := allocator.Key{Store: "s", Name: "k"}
	p.Seed(t, key, math.MaxInt64-10)
	a, b := p.Open(t), p.Open(t)
	wantError(ctx, t, a, key, 11, allocator.ErrExhausted)
	wantError(ctx, t, b, key, math.MaxInt64, allocator.ErrExhausted)
	wantRange(ctx, t, b, key, 4, allocator.Range{First: math.MaxInt64 - 9, N: 4}) // the mark has not moved
	wantError(ctx, t, a, key, 7, allocator.ErrExhausted)
	wantRange(ctx, t, a, key, 6, allocator.Range{First: math.MaxInt64 - 5, N: 6})
	for _, n := range []int{1, 1, 2, math.MaxInt64} {
		wantError(ctx, t, a, key, n, allocator.ErrExhausted)
		wantError(ctx, t, b, key, n, allocator.ErrExhausted)
	}
	wantRange(ctx, t, a, allocator.Key{Store: "s", Name: "fresh"}, 1, allocator.Range{First: 1, N: 1})
}

func testContextEnded(ctx context.Context, t *testing.T, p Place) {
	key := allocator.Key{Store: "s", Name: "k"}
	c := p.Open(t)
	wantRange(ctx, t, c, key, 1, allocator.Range{First: 1, N: 1})

	ended, cancel := context.WithCancel(ctx)
	cancel()
	start := time.Now()
	wantError(ended, t, c, key, 1, allocator.ErrUnavailable)
	ended, cancel = context.WithDeadline(ctx, time.Now().Add(-time.Hour))
	defer cancel()
	wantError(ended, t, c, key, 1, allocator.ErrUnavailable)
	if took := time.Since(start); took > patience/10 {
		t.Errorf("Advance with an ended context took %v", took)
	}
	// Whether they moved the mark is not known; that it goes on is.
	if ids, err := c.Advance(ctx, key, 1); err != nil || ids.First < 2 || ids.N != 1 {
		t.Errorf("Advance(%q, 1) = %v, %v; want an id above 1", key, ids, err)
	}
}

func wantRange(ctx context.Context, t *testing.T, c allocator.Counter, key allocator.Key, n int, want allocator.Range) {
	t.Helper()
	if got, err := c.Advance(ctx, key, n); err != nil || got != want {
		t.Fatalf("Advance(%q, %d) = %v, %v; want %v", key, n, got, err, want)
	}
}

func wantError(ctx context.Context, t *testing.T, c allocator.Counter, key allocator.Key, n int, want error) {
	t.Helper()
	if got, err := c.Advance(ctx, key, n); !errors.Is(err, want) {
		t.Fatalf("Advance(%q, %d) = %v, %v; want error %v", key, n, got, err, want)
	}
}
