package allocator_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seqd-io/seqd/allocator"
)

// standingSource keeps advances until it is told to go on, and settles their answers.
type standingSource struct {
	last int64
	came []*allocator.Advance
}

func (s *standingSource) Start(a *allocator.Advance) { s.came = append(s.came, a) }

func (s *standingSource) end(a *allocator.Advance) {
	for i := range a.Answers {
		answer := &a.Answers[i]
		answer.IDs = allocator.Range{First: s.last + 1, N: answer.N}
		s.last += int64(answer.N)
	}
	ids := allocator.Range{First: s.last + 1, N: a.N}
	s.last += int64(a.N)
	a.Done.Advanced(a, ids, nil)
}

type counted struct{ n *int }

func (c counted) Allocated(_ *allocator.Request, _ allocator.Range, err error) {
	if err == nil {
		*c.n++
	}
}

// More requests that are made once than fit into a transaction don't wait for each
// other: the first ones share an advance, and the others the next.
func TestOnceRequestsBeyondATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &standingSource{}
		s := allocator.NewStrong(source, nil)
		served := 0
		ask := func(once string) {
			s.Allocate(&allocator.Request{
				Key: key, N: 1, Deadline: time.Now().Add(time.Minute), Waiter: counted{&served},
				Once: &allocator.Once{Key: once, Window: time.Minute},
			})
		}
		ask("first") // under way, while the others come
		for i := range 2*allocator.MaxAnswers + 6 {
			ask(fmt.Sprint(i))
			if i == allocator.MaxAnswers+1 {
				s.Allocate(&allocator.Request{Key: key, N: 5, Deadline: time.Now().Add(time.Minute), Waiter: counted{&served}})
			}
		}
		for i, want := range []struct{ answers, others int }{{1, 0}, {allocator.MaxAnswers, 0}, {allocator.MaxAnswers, 5}, {6, 0}} {
			if len(source.came) != i+1 {
				t.Fatalf("%d advances, want %d", len(source.came), i+1)
			}
			if a := source.came[i]; len(a.Answers) != want.answers || a.N != want.others {
				t.Errorf("advance %d: %d answers and %d ids, want %+v", i, len(a.Answers), a.N, want)
			}
			source.end(source.came[i])
		}
		if want := 1 + 2*allocator.MaxAnswers + 6 + 1; served != want {
			t.Errorf("%d are served, want %d", served, want)
		}
		s.Stop()
	})
}
