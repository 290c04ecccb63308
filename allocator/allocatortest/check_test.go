package allocatortest_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

type op = allocatortest.Op

func ids(first, last int64) allocator.Range {
	return allocator.Range{First: first, N: int(last - first + 1)}
}

func TestCheck(t *testing.T) {
	other := allocator.Key{Store: "other", Name: key.Name}
	tests := []struct {
		name string
		ops  []op
		want string // part of the error's text; "" means that the history is good
	}{
		{"empty", nil, ""},
		{"in order, with a gap", []op{
			{Start: 0, End: 1, Ids: ids(1, 3), Strong: true},
			{Start: 2, End: 3, Ids: ids(10, 11), Strong: true},
		}, ""},
		{"concurrent, in either order", []op{
			{Start: 0, End: 5, Ids: ids(4, 4), Strong: true},
			{Start: 1, End: 2, Ids: ids(3, 3), Strong: true},
			{Start: 4, End: 6, Ids: ids(5, 5), Strong: true},
		}, ""},
		{"equal stamps are concurrent", []op{
			{Start: 0, End: 2, Ids: ids(2, 2), Strong: true},
			{Start: 2, End: 3, Ids: ids(1, 1), Strong: true},
		}, ""},
		{"same id in two stores", []op{
			{Start: 0, End: 1, Ids: ids(7, 7), Strong: true},
			{Start: 2, End: 3, Ids: ids(7, 7), Strong: true, Key: other},
		}, ""},
		{"order across stores does not matter", []op{
			{Start: 0, End: 1, Ids: ids(8, 8), Strong: true},
			{Start: 2, End: 3, Ids: ids(7, 7), Strong: true, Key: other},
		}, ""},
		{"a later weak id of another worker may be lower", []op{
			{Start: 0, End: 1, Ids: ids(8, 8), Strong: true},
			{Start: 2, End: 3, Ids: ids(7, 7), Worker: 1},
			{Start: 4, End: 5, Ids: ids(20, 20), Worker: 2},
			{Start: 6, End: 7, Ids: ids(9, 9), Worker: 3},
		}, ""},
		{"the greatest id", []op{
			{Start: 0, End: 1, Ids: ids(math.MaxInt64-1, math.MaxInt64-1), Strong: true},
			{Start: 2, End: 3, Ids: ids(math.MaxInt64, math.MaxInt64), Strong: true},
		}, ""},

		{"duplicate", []op{
			{Start: 0, End: 1, Ids: ids(7, 7), Strong: true, Client: 3},
			{Start: 0, End: 3, Ids: ids(7, 7), Strong: true, Client: 4},
		}, "id 7 was handed out twice"},
		{"duplicate by mixed modes", []op{
			{Start: 0, End: 1, Ids: ids(7, 7), Strong: true},
			{Start: 0, End: 3, Ids: ids(7, 7)},
		}, "id 7 was handed out twice"},
		{"ranges overlap", []op{
			{Start: 0, End: 9, Ids: ids(1, 5)},
			{Start: 0, End: 9, Ids: ids(20, 30)},
			{Start: 0, End: 9, Ids: ids(5, 6)},
		}, "id 5 was handed out twice"},
		{"range within a range", []op{
			{Start: 0, End: 9, Ids: ids(1, 50)},
			{Start: 0, End: 9, Ids: ids(20, 30)},
			{Start: 0, End: 9, Ids: ids(60, 60)},
		}, "id 20 was handed out twice"},
		{"id 0", []op{{Start: 0, End: 1, Ids: ids(0, 0)}}, "not a range"},
		{"empty range", []op{{Start: 0, End: 1, Ids: allocator.Range{First: 1}}}, "not a range"},
		{"wrapped", []op{{Start: 0, End: 1, Ids: allocator.Range{First: math.MaxInt64, N: 2}}}, "not a range"},

		{"strong after strong", []op{
			{Start: 0, End: 1, Ids: ids(2, 2), Strong: true, Client: 5},
			{Start: 2, End: 3, Ids: ids(1, 1), Strong: true, Client: 6},
		}, "lower ids than were known"},
		{"strong after weak", []op{
			{Start: 0, End: 1, Ids: ids(2, 2)},
			{Start: 2, End: 3, Ids: ids(1, 1), Strong: true},
		}, "lower ids than were known"},
		{"strong after two that are concurrent with each other", []op{
			{Start: 0, End: 9, Ids: ids(9, 9), Strong: true},
			{Start: 0, End: 4, Ids: ids(8, 8), Strong: true},
			{Start: 5, End: 6, Ids: ids(7, 7), Strong: true},
			{Start: 0, End: 9, Ids: ids(1, 1), Strong: true},
		}, "ids 8 to 8"},
		{"left-over of a batch", []op{
			{Start: 0, End: 10, Ids: ids(1, 1), Strong: true}, // reserved 1 to 2
			{Start: 4, End: 6, Ids: ids(3, 3), Strong: true, Worker: 1},
			{Start: 11, End: 12, Ids: ids(2, 2), Strong: true},
		}, "lower ids than were known"},
		{"range around the known id", []op{
			{Start: 0, End: 1, Ids: ids(5, 5), Strong: true},
			{Start: 2, End: 3, Ids: ids(3, 4), Strong: true},
		}, "lower ids than were known"},

		{"weak ids of one worker", []op{
			{Start: 0, End: 1, Ids: ids(8, 8), Worker: 1},
			{Start: 2, End: 3, Ids: ids(7, 7), Worker: 1},
		}, "went back"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h allocatortest.History
			for _, op := range tt.ops {
				if op.Key == (allocator.Key{}) {
					op.Key = key
				}
				h.Add(op)
			}
			err := h.Check()
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("a good history is rejected: %v", err)
			case tt.want != "" && err == nil:
				t.Error("a bad history is accepted")
			case tt.want != "" && !strings.Contains(err.Error(), tt.want):
				t.Errorf("error is %q, want it to say %q", err, tt.want)
			}
		})
	}
}

// The text names both ops, so that one can find them in a log.
func TestCheckNamesTheOps(t *testing.T) {
	err := allocatortest.CheckStrong([]op{
		{Start: 100, End: 110, Key: key, Ids: ids(20, 24), Client: 5, Worker: 1},
		{Start: 120, End: 130, Key: key, Ids: ids(7, 7), Strong: true, Client: 6, Worker: 2},
	})
	if err == nil {
		t.Fatal("a bad history is accepted")
	}
	for _, want := range []string{
		"s/k ids 20 to 24 (weak, client 5, worker 1, from 100 to 110 ns)",
		"s/k ids 7 to 7 (strong, client 6, worker 2, from 120 to 130 ns)",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error is %q, want it to say %q", err, want)
		}
	}
}

// CheckStrong agrees with two definitions it does not share code with, on
// histories small enough to try all orders.
func TestCheckStrongAgainstBruteForce(t *testing.T) {
	const histories = 20_000
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	accepted := 0
	for range histories {
		ops := randomHistory(rnd)
		got := allocatortest.CheckStrong(ops) == nil
		if want := keepsOrder(ops); got != want {
			t.Fatalf("CheckStrong accepts: %v, the definition: %v (seed %d): %v", got, want, seed, ops)
		}
		unique := allocatortest.CheckUnique(ops) == nil
		if want := linearizable(ops, 0); (got && unique) != want {
			t.Fatalf("the checks accept: %v, brute force: %v (seed %d): %v", got && unique, want, seed, ops)
		}
		if got && unique {
			accepted++
		}
	}
	if accepted < histories/20 || accepted > histories*19/20 {
		t.Errorf("%d of %d histories are good: that tests little", accepted, histories)
	}
}

// randomHistory is one that is often nearly good: ids follow a random instant
// within each op, and then two of them may change places.
func randomHistory(rnd *rand.Rand) []op {
	ops := make([]op, 1+rnd.IntN(6))
	next := int64(1)
	for i := range ops {
		start := int64(3*i) - rnd.Int64N(12)
		n := 1 + rnd.Int64N(3)
		ops[i] = op{
			Start: start, End: max(start, int64(3*i)+rnd.Int64N(12)), Key: key,
			Ids: ids(next, next+n-1), Strong: rnd.IntN(3) > 0, Client: i,
		}
		next += n + rnd.Int64N(2)
	}
	switch i, j := rnd.IntN(len(ops)), rnd.IntN(len(ops)); rnd.IntN(4) {
	case 0:
		ops[i].Ids.First += rnd.Int64N(5) // perhaps an overlap
	case 1, 2:
		ops[i].Ids, ops[j].Ids = ops[j].Ids, ops[i].Ids
	}
	rnd.Shuffle(len(ops), func(i, j int) { ops[i], ops[j] = ops[j], ops[i] })
	return ops
}

// keepsOrder is the promise to the letter: if the answer to a was there before
// strong b was asked, every id of b is greater than every id of a.
func keepsOrder(ops []op) bool {
	for _, a := range ops {
		for _, b := range ops {
			if b.Strong && a.End < b.Start && b.Ids.First <= a.Ids.Last() {
				return false
			}
		}
	}
	return true
}

// linearizable reports whether the ops can be put into an order, in which each
// gets ids above all before it, such that no op comes before one that had ended
// before it began. A weak op's ids may have been reserved any time before.
func linearizable(ops []op, last int64) bool {
	if len(ops) == 0 {
		return true
	}
	for i, first := range ops {
		possible := first.Ids.First > last
		for _, other := range ops {
			if first.Strong && other.End < first.Start {
				possible = false
			}
		}
		if !possible {
			continue
		}
		rest := append(append([]op(nil), ops[:i]...), ops[i+1:]...)
		if linearizable(rest, first.Ids.Last()) {
			return true
		}
	}
	return false
}
