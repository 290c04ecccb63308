package allocatortest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/seqd-io/seqd/allocator"
)

// CheckUnique returns an error unless every id of a key was handed out at most
// once, in whichever mode, and is positive. It takes O(n log n).
func CheckUnique(ops []Op) error {
	for _, op := range ops {
		if op.Ids.N < 1 || op.Ids.First < 1 || op.Ids.Last() < op.Ids.First {
			return fmt.Errorf("not a range of ids: %v", op)
		}
	}
	for _, ops := range byKey(ops) {
		slices.SortFunc(ops, func(a, b Op) int { return cmp.Compare(a.Ids.First, b.Ids.First) })
		for i := 1; i < len(ops); i++ {
			// If any two ranges overlap, two neighbours do.
			if a, b := ops[i-1], ops[i]; b.Ids.First <= a.Ids.Last() {
				return fmt.Errorf("id %d was handed out twice:\n\t%v\n\t%v", b.Ids.First, a, b)
			}
		}
	}
	return nil
}

// CheckStrong returns an error unless each id of a strong op is greater than
// every id, of either mode, whose answer was there before the strong op was
// asked. It takes O(n log n).
//
// For unique ids of strong ops alone this is linearizability: ids put the ops in
// the only possible order, and that order is legal if and only if no op was
// asked after one with greater ids had been answered.
func CheckStrong(ops []Op) error {
	for _, ops := range byKey(ops) {
		if a, b, ok := disorder(ops, func(op Op) bool { return op.Strong }); !ok {
			return fmt.Errorf("a strong request got lower ids than were known before it was made:\n\tknown %v\n\tthen  %v", a, b)
		}
	}
	return nil
}

// CheckWeak returns an error unless, for each worker and key, the ids of a weak
// op are greater than those of the worker's weak ops that were answered before
// it was asked. It takes O(n log n).
func CheckWeak(ops []Op) error {
	type source struct {
		key    allocator.Key
		worker int
	}
	sources := map[source][]Op{}
	for _, op := range ops {
		if !op.Strong {
			s := source{op.Key, op.Worker}
			sources[s] = append(sources[s], op)
		}
	}
	for _, ops := range sources {
		if a, b, ok := disorder(ops, func(Op) bool { return true }); !ok {
			return fmt.Errorf("a worker's weak ids went back:\n\tknown %v\n\tthen  %v", a, b)
		}
	}
	return nil
}

func byKey(ops []Op) map[allocator.Key][]Op {
	keys := map[allocator.Key][]Op{}
	for _, op := range ops {
		keys[op.Key] = append(keys[op.Key], op)
	}
	return keys
}

// disorder returns an op and one that bounded reports, asked after the first had
// been answered, whose lowest id is not above the other's greatest; ok says
// that there are none.
//
// It meets the bounded ops from the greatest first id down, and has met by then
// all ops that reach up to that id or beyond: of those, only the one that was
// answered first matters. An op is among its own, and does no harm, having been
// answered after it was asked.
func disorder(ops []Op, bounded func(Op) bool) (a, b Op, ok bool) {
	if len(ops) == 0 {
		return a, b, true
	}
	byLast := slices.SortedFunc(slices.Values(ops), func(a, b Op) int { return cmp.Compare(b.Ids.Last(), a.Ids.Last()) })
	byFirst := slices.SortedFunc(slices.Values(ops), func(a, b Op) int { return cmp.Compare(b.Ids.First, a.Ids.First) })
	earliest, met := byLast[0], 0
	for _, b := range byFirst {
		for ; met < len(byLast) && byLast[met].Ids.Last() >= b.Ids.First; met++ {
			if byLast[met].End < earliest.End {
				earliest = byLast[met]
			}
		}
		if bounded(b) && earliest.End < b.Start {
			return earliest, b, false
		}
	}
	return a, b, true
}
