package seqd_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	seqd "github.com/seqd-io/seqd/clients/go"
)

// source stands for the worker of a sequence, without sockets, so that tests can
// run on testing/synctest's clock. It draws from one counter.
type source struct {
	way      time.Duration // of a request, and of an answer
	maxCount int           // 0: no limit
	refuse   func(num, n int) error

	mu   sync.Mutex
	last int64
	end  int64 // the key's last id; 0: math.MaxInt64
	asks []int // n of each request
	left int   // requests that were given up
}

func (s *source) ask(ctx context.Context, n int) (seqd.Range, error) {
	s.mu.Lock()
	s.asks = append(s.asks, n)
	num := len(s.asks)
	s.mu.Unlock()
	if err := s.travel(ctx); err != nil {
		return seqd.Range{}, err
	}
	if s.refuse != nil {
		if err := s.refuse(num, n); err != nil {
			return seqd.Range{}, err
		}
	}
	ids, err := s.draw(n)
	if err != nil {
		return seqd.Range{}, err
	}
	return ids, s.travel(ctx)
}

func (s *source) draw(n int) (seqd.Range, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.maxCount > 0 && n > s.maxCount:
		return seqd.Range{}, seqd.ErrBadRequest
	case s.end > 0 && s.last > s.end-int64(n):
		return seqd.Range{}, seqd.ErrExhausted
	}
	ids := seqd.Range{First: s.last + 1, N: n}
	s.last += int64(n)
	return ids, nil
}

func (s *source) travel(ctx context.Context) error {
	select {
	case <-time.After(s.way):
		return nil
	case <-ctx.Done():
		s.mu.Lock()
		s.left++
		s.mu.Unlock()
		return ctx.Err()
	}
}

// drawn returns the last id that was drawn.
func (s *source) drawn() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// requests returns n of each request so far.
func (s *source) requests() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]int(nil), s.asks...)
}

func (s *source) givenUp() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left
}

func (s *source) sequence(t *testing.T, opts ...seqd.Option) *seqd.Sequence {
	t.Helper()
	seq, err := seqd.NewSequence(s.ask, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(seq.Close)
	return seq
}

// outcome is what a call came to, and how long it took.
type outcome struct {
	ids  seqd.Range
	err  error
	took time.Duration
}

// call asks for n ids in a goroutine.
func call(ctx context.Context, s *seqd.Sequence, n int) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		start := time.Now()
		var o outcome
		if n == 1 {
			o.ids.N = 1
			o.ids.First, o.err = s.Next(ctx)
		} else {
			o.ids, o.err = s.NextN(ctx, n)
		}
		o.took = time.Since(start)
		done <- o
	}()
	return done
}

var testKey = allocator.Key{Store: "orders", Name: "invoice"}

// caller calls next again and again, pausing between, and adds to h what it got.
type caller struct {
	client int
	rounds int
	pause  time.Duration // at most, between calls
	next   func(n int) (seqd.Range, error)
	strong bool
}

func (c caller) run(t *testing.T, h *allocatortest.History, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, uint64(c.client)))
	for range c.rounds {
		time.Sleep(time.Duration(rnd.Int64N(int64(c.pause))))
		op := allocatortest.Op{Key: testKey, Client: c.client, Strong: c.strong, Start: h.Now()}
		ids, err := c.next(1 + max(0, rnd.IntN(8)-4))
		op.End, op.Ids = h.Now(), allocator.Range{First: ids.First, N: ids.N}
		switch {
		case err == nil:
			h.Add(op)
		case !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled):
			t.Error(err)
		}
	}
}
