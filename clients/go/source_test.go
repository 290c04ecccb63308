package seqd_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	seqd "github.com/seqd-io/seqd/clients/go"
	"github.com/seqd-io/seqd/subjects"
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

func (s *source) sequence(t *testing.T, opts ...seqd.SequenceOption) *seqd.Sequence {
	t.Helper()
	seq, err := seqd.NewSequence(s.ask, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(seq.Close)
	return seq
}

// codes are what a worker may answer with.
var codes = []struct {
	err   *subjects.Error
	again bool // another attempt follows
}{
	{seqd.ErrBadRequest, false},
	{seqd.ErrFenced, false},
	{seqd.ErrBusy, true},
	{seqd.ErrInternal, false},
	{seqd.ErrUnavailable, true},
	{seqd.ErrExpired, true},
	{seqd.ErrExhausted, false},
	{&subjects.Error{Code: "UNHEARD_OF", Text: "from a later version"}, false},
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

// caller calls next again and again, pausing between, and adds to h what it got.
type caller struct {
	client int
	rounds int
	pause  time.Duration // at most, between calls
	next   func(n int) (seqd.Range, error)
}

func (c caller) run(t *testing.T, h *history, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, uint64(c.client)))
	for range c.rounds {
		time.Sleep(time.Duration(rnd.Int64N(int64(c.pause))))
		began := h.now()
		ids, err := c.next(1 + max(0, rnd.IntN(8)-4))
		switch {
		case err == nil:
			h.add(op{began, h.now(), ids})
		case !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled):
			t.Error(err)
		}
	}
}

// op is a call that got its ids.
type op struct {
	began, ended int64
	ids          seqd.Range
}

// history is the ops of many callers. Its clock counts events: on testing/synctest's
// many of them fall together.
type history struct {
	clock atomic.Int64
	mu    sync.Mutex
	ops   []op
}

func (h *history) now() int64 { return h.clock.Add(1) }

func (h *history) add(o op) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, o)
}

// check returns an error if an id was handed out twice, or if a call got lower ids
// than another one had before it began.
func (h *history) check() error {
	slices.SortFunc(h.ops, func(a, b op) int { return cmp.Compare(b.ids.First, a.ids.First) })
	above := op{ended: math.MaxInt64} // of the ops with greater ids, the one that ended first
	for i, o := range h.ops {
		switch {
		case o.ids.First < 1 || o.ids.N < 1:
			return fmt.Errorf("not a range of ids: %v", o)
		case i > 0 && o.ids.Last() >= h.ops[i-1].ids.First:
			return fmt.Errorf("ids were handed out twice: %v, %v", o, h.ops[i-1])
		case above.ended < o.began:
			return fmt.Errorf("%v had greater ids than %v, which began later", above, o)
		}
		if o.ended < above.ended {
			above = o
		}
	}
	return nil
}

// The check above finds what it is for.
func TestHistory(t *testing.T) {
	for _, tt := range []struct {
		name string
		ops  []op
		bad  bool
	}{
		{"in order", []op{{1, 2, seqd.Range{First: 1, N: 2}}, {3, 4, seqd.Range{First: 3, N: 1}}}, false},
		{"at once", []op{{1, 4, seqd.Range{First: 3, N: 2}}, {2, 3, seqd.Range{First: 1, N: 2}}}, false},
		{"twice", []op{{1, 2, seqd.Range{First: 1, N: 2}}, {3, 4, seqd.Range{First: 2, N: 1}}}, true},
		{"out of order", []op{{1, 2, seqd.Range{First: 5, N: 1}}, {3, 4, seqd.Range{First: 9, N: 1}}, {5, 6, seqd.Range{First: 7, N: 1}}}, true},
		{"no ids", []op{{1, 2, seqd.Range{}}}, true},
	} {
		if err := (&history{ops: tt.ops}).check(); (err != nil) != tt.bad {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
