package bench

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// sliceOf returns a slice with these answers, each of its own caller.
func sliceOf(ops ...op) slice {
	s := slice{from: 0, to: 1000}
	for _, o := range ops {
		log := new(callerLog)
		log.add(o)
		s.logs = append(s.logs, log)
	}
	return s
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name    string
		promise Promise
		slices  []slice
		want    string // in the violation, with the answers it must name
	}{
		{name: "nothing", promise: Strict, slices: []slice{sliceOf()}},
		{name: "in order", promise: Strict, slices: []slice{
			sliceOf(op{1, 2, 1, 1, 0}, op{3, 4, 2, 3, 0}), sliceOf(op{5, 6, 5, 1, 0})}},
		{name: "concurrent", promise: Strict, slices: []slice{sliceOf(op{1, 4, 2, 1, 0}, op{2, 5, 1, 1, 0})}},
		{name: "two keys", promise: Strict, slices: []slice{sliceOf(op{1, 2, 7, 1, 0}, op{3, 4, 7, 1, 1})}},
		{name: "weak ids in any order", promise: Unique, slices: []slice{
			sliceOf(op{1, 2, 11, 10, 0}, op{3, 4, 1, 10, 0}), sliceOf(op{5, 6, 21, 1, 0})}},
		{name: "twice", promise: Unique, slices: []slice{sliceOf(op{1, 2, 5, 2, 0}, op{3, 4, 6, 1, 0})},
			want: "id 6 was handed out twice\n\tk0: ids 5 to 6 for caller 0, asked 1ns and answered 2ns after the start\n\tk0: ids 6 to 6 for caller 1, asked 3ns and answered 4ns"},
		{name: "twice in two slices", promise: Unique, slices: []slice{
			sliceOf(op{1, 2, 1, 9, 1}), sliceOf(op{3, 4, 20, 1, 1}, op{3, 4, 9, 1, 1})},
			want: "id 9 was handed out twice, the first time in an earlier slice\n\tk1: ids 9 to 9 for caller 1"},
		{name: "lower than known", promise: Strict, slices: []slice{sliceOf(op{1, 2, 9, 1, 0}, op{3, 4, 8, 1, 0})},
			want: "a request got lower ids than were known before it was made\n\tk0: ids 9 to 9 for caller 0, asked 1ns and answered 2ns after the start\n\tk0: ids 8 to 8 for caller 1"},
		{name: "lower than an earlier slice's", promise: Strict, slices: []slice{
			sliceOf(op{1, 2, 9, 1, 0}), sliceOf(op{3, 4, 8, 1, 0})},
			want: "lower ids than were known before it was made\n\tk0: ids 9 to 9 for caller 0, asked 1ns and answered 2ns after the start\n\tk0: ids 8 to 8 for caller 0"},
		{name: "the earliest answer counts", promise: Strict, slices: []slice{
			sliceOf(op{1, 2, 7, 1, 0}, op{1, 9, 8, 1, 0}, op{3, 4, 6, 1, 0})},
			want: "k0: ids 7 to 7 for caller 0"},
		{name: "not an id", promise: Unique, slices: []slice{sliceOf(op{1, 2, 0, 1, 0})}, want: "not a range"},
		{name: "no ids", promise: Unique, slices: []slice{sliceOf(op{1, 2, 1, 0, 0})}, want: "not a range"},
		{name: "wraps", promise: Unique, slices: []slice{sliceOf(op{1, 2, 1<<63 - 1, 2, 0})}, want: "not a range"},
	} {
		t.Run(test.name, func(t *testing.T) {
			check := newChecker(About{Name: "peer", Promise: test.promise}, []string{"k0", "k1"})
			var err error
			for _, s := range test.slices {
				if err = check.check(s); err != nil {
					break
				}
			}
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var v *Violation
			if !errors.As(err, &v) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
	if err := newChecker(About{Promise: NoIDs}, nil).check(sliceOf(op{1, 2, 0, 0, 0})); err != nil {
		t.Error(err)
	}
}

// On random histories, cut into slices where nothing is under way, the checker
// and the history checkers of allocatortest say the same.
func TestCheckAgreesWithAllocatortest(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	verdicts := map[bool]int{}
	for range 5000 {
		var (
			check   = newChecker(About{Promise: Strict}, []string{"k0", "k1"})
			history []allocatortest.Op
			broken  error
			next    = [2]int64{1, 1}
			stamp   int64
		)
		for range 1 + r.IntN(3) {
			var ops []op
			for range r.IntN(6) {
				start := stamp + r.Int64N(10)
				o := op{start: start, end: start + 1 + r.Int64N(8), key: r.Int32N(2), n: 1 + r.Int32N(2)}
				o.first = max(1, next[o.key]-r.Int64N(2)*r.Int64N(2)*r.Int64N(2))
				next[o.key] = o.last() + 1
				ops = append(ops, o)
			}
			if r.IntN(2) == 0 && len(ops) > 1 && ops[0].key == ops[1].key { // swap two answers
				ops[0].first, ops[1].first, ops[0].n, ops[1].n = ops[1].first, ops[0].first, ops[1].n, ops[0].n
			}
			for i, o := range ops {
				history = append(history, allocatortest.Op{Start: o.start, End: o.end, Strong: true, Client: i,
					Key: allocator.Key{Name: check.keys[o.key]}, Ids: allocator.Range{First: o.first, N: int(o.n)}})
			}
			stamp += 20
			if broken == nil {
				broken = check.check(sliceOf(ops...))
			}
		}
		want := errors.Join(allocatortest.CheckUnique(history), allocatortest.CheckStrong(history))
		if (broken == nil) != (want == nil) {
			t.Fatalf("got  %v\nwant %v\n%v", broken, want, history)
		}
		verdicts[want == nil]++
	}
	if verdicts[true] < 500 || verdicts[false] < 500 {
		t.Errorf("one-sided: %v", verdicts)
	}
}

// Gaps everywhere don't fill the memory, and what is forgotten is told.
func TestCheckForgets(t *testing.T) {
	check := newChecker(About{Promise: Unique}, make([]string, maxSpans/4))
	for id := int64(1); id < 20; id += 2 {
		if err := check.check(sliceOf(op{1, 2, id, 1, 0})); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(check.books[0].seen); n != 4 || !check.forgot {
		t.Errorf("%d spans, forgot %v", n, check.forgot)
	}
}
