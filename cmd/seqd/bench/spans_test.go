package bench

import (
	"cmp"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func TestSpans(t *testing.T) {
	for _, test := range []struct {
		name        string
		have, more  []span
		want        []span
		twice       int64
		wantOverlap bool
	}{
		{name: "nothing", want: nil},
		{name: "first", more: []span{{1, 1}, {2, 5}}, want: []span{{1, 5}}},
		{name: "adjacent", have: []span{{1, 5}}, more: []span{{6, 9}}, want: []span{{1, 9}}},
		{name: "before", have: []span{{6, 9}}, more: []span{{1, 5}}, want: []span{{1, 9}}},
		{name: "gap", have: []span{{1, 5}}, more: []span{{7, 9}}, want: []span{{1, 5}, {7, 9}}},
		{name: "gap filled", have: []span{{1, 5}, {7, 9}}, more: []span{{6, 6}}, want: []span{{1, 9}}},
		{name: "greatest id", have: []span{{1, 1}}, more: []span{{1<<63 - 1, 1<<63 - 1}}, want: []span{{1, 1}, {1<<63 - 1, 1<<63 - 1}}},
		{name: "again", have: []span{{1, 5}}, more: []span{{3, 3}}, twice: 3, wantOverlap: true},
		{name: "tail again", have: []span{{4, 8}}, more: []span{{1, 4}}, twice: 4, wantOverlap: true},
		{name: "swallowed", have: []span{{4, 8}}, more: []span{{1, 100}}, twice: 4, wantOverlap: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, twice, ok := spans(test.have).plus(test.more, nil)
			if ok == test.wantOverlap || twice != test.twice {
				t.Errorf("got id %d twice, ok %v", twice, ok)
			}
			if ok && !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// Whatever the order ids come in, the spans are those of the ids' set.
func TestSpansHoldWhatASetHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var have, room spans
		set := map[int64]bool{}
		for range 6 {
			var more []span
			fresh := true
			for range r.IntN(5) {
				first := 1 + r.Int64N(60)
				more = append(more, span{first, first + r.Int64N(4)})
			}
			slices.SortFunc(more, func(a, b span) int { return cmp.Compare(a.first, b.first) })
			for _, s := range more {
				for id := s.first; id <= s.last; id++ {
					fresh = fresh && !set[id]
					set[id] = true
				}
			}
			union, twice, ok := have.plus(more, room)
			if ok != fresh {
				t.Fatalf("%v plus %v: ok %v, but fresh %v", have, more, ok, fresh)
			}
			if !ok {
				if !set[twice] {
					t.Fatalf("%v plus %v: %d is in neither", have, more, twice)
				}
				break
			}
			have, room = union, have
			got := map[int64]bool{}
			for i, s := range have {
				if i > 0 && s.first <= have[i-1].last+1 {
					t.Fatalf("neighbours not merged: %v", have)
				}
				for id := s.first; id <= s.last; id++ {
					got[id] = true
				}
			}
			if !reflect.DeepEqual(got, set) {
				t.Fatalf("got %v, want %v", have, set)
			}
		}
	}
}
