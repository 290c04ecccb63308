package faults

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// The tally, which sees each answer once and keeps none, agrees with the checkers
// that have the whole history before them.
func TestTallyAgrees(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	good, bad, disk := 0, 0, newShelf(t, "tally", 1)
	for range 20_000 {
		ops := make([]allocatortest.Op, 2+rnd.IntN(6))
		for i, first := range rnd.Perm(len(ops)) {
			start := int64(2 * rnd.IntN(30)) // asked at even stamps, answered at odd ones: none are equal
			ops[i] = allocatortest.Op{
				Key: leasedKeys[0], Start: start, End: start + 1 + int64(2*rnd.IntN(20)),
				Ids: allocator.Range{First: pageIDs - 20 + int64(first*10), N: 1 + rnd.IntN(10)}, Strong: true,
			}
			if spread := rnd.IntN(3) == 0; spread {
				ops[i].Ids.First = int64(first+1)*pageIDs - 5 // pages that leave memory and come back
			}
			if rnd.IntN(10) == 0 {
				ops[i].Ids.N = 11 // one too many
			}
		}
		want := allocatortest.CheckUnique(ops) == nil && allocatortest.CheckStrong(ops) == nil
		clear(disk.slots)
		err := replay(&tally{shelf: disk}, ops)
		if (err == nil) != want {
			t.Fatalf("the tally says %v of %v, the checkers say %v", err, ops, want)
		}
		if want {
			good++
		} else {
			bad++
		}
	}
	if good < 1000 || bad < 1000 {
		t.Errorf("%d good histories and %d bad ones show little", good, bad)
	}
}

// replay shows a tally the ops as they happened.
func replay(all *tally, ops []allocatortest.Op) error {
	type event struct {
		at  int64
		op  int
		end bool
	}
	var events []event
	for i, op := range ops {
		events = append(events, event{at: op.Start, op: i}, event{at: op.End, op: i, end: true})
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	var first error
	known := make([]int64, len(ops))
	for _, e := range events {
		if !e.end {
			known[e.op] = all.known()
		} else if err := all.add(ops[e.op].Ids, known[e.op]); err != nil && first == nil {
			first = err
		}
	}
	return first
}
