package faults

import (
	"math/rand/v2"
	"testing"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// Our exact checker and porcupine, which know nothing of each other, agree on
// random histories of both modes, good and bad ones.
func TestCheckersAgree(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	good, bad := 0, 0
	for range 20_000 {
		ops := make([]allocatortest.Op, 2+rnd.IntN(6))
		for i, first := range rnd.Perm(len(ops)) {
			start := rnd.Int64N(30)
			ops[i] = allocatortest.Op{
				Key: strongKeys[0], Start: start, End: start + rnd.Int64N(20),
				Ids: allocator.Range{First: int64(first*10 + 1), N: 1 + rnd.IntN(10)}, Strong: rnd.IntN(3) > 0,
			}
		}
		exact := allocatortest.CheckStrong(ops)
		_, other := checkLinearizable(ops, 0)
		if (exact == nil) != (other == nil) {
			t.Fatalf("CheckStrong says %v, porcupine says %v, of %v", exact, other, ops)
		}
		if exact == nil {
			good++
		} else {
			bad++
		}
	}
	if good < 1000 || bad < 1000 {
		t.Errorf("%d good histories and %d bad ones show little", good, bad)
	}
}
