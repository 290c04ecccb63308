package faults

import (
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// counterModel is one key's counter as porcupine sees it. Its state is the
// greatest id handed out. A STRONG op's ids must be above it; a WEAK one's need
// not be, and raise it all the same, so that what S says of ids of either mode
// is linearizability of this model.
//
// Requests that got no ids are left out: all that one of them can have done is
// to leave a gap, which is legal at any time.
var counterModel = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, input, _ any) (bool, any) {
		greatest, op := state.(int64), input.(allocatortest.Op)
		return !op.Strong || op.Ids.First > greatest, max(greatest, op.Ids.Last())
	},
}

const (
	sampleOps       = 1500
	porcupineBudget = 20 * time.Second

	// tooLong is how long an op takes that is left out. Calls of the Go client may
	// try for seconds, while hundreds of others come and go.
	tooLong = time.Second
)

// checkLinearizable has porcupine check, of each key, the ops that began from
// the given stamp on, at most sampleOps of them. It returns how many it checked.
func checkLinearizable(ops []allocatortest.Op, from int64) (checked int, err error) {
	for key, sample := range samples(ops, from) {
		var history []porcupine.Operation
		for _, op := range sample {
			history = append(history, porcupine.Operation{ClientId: op.Client, Input: op, Call: op.Start, Return: op.End})
		}
		switch porcupine.CheckOperationsTimeout(counterModel, history, porcupineBudget) {
		case porcupine.Illegal:
			return checked, fmt.Errorf("porcupine: %s/%s is not linearizable", key.Store, key.Name)
		case porcupine.Unknown:
			return checked, fmt.Errorf("porcupine: no verdict on %d ops of %s/%s within %v", len(sample), key.Store, key.Name, porcupineBudget)
		}
		checked += len(sample)
	}
	return checked, nil
}

// samples leaves out callers that a fault brings along, most of those that ask for a
// leased key, and what took long, because porcupine's search grows with the number of ops under
// way at a time. Whatever is left out, a history that keeps the promise keeps it.
func samples(ops []allocatortest.Op, from int64) map[allocator.Key][]allocatortest.Op {
	keys := map[allocator.Key][]allocatortest.Op{}
	ops = slices.SortedFunc(slices.Values(ops), func(a, b allocatortest.Op) int { return int(a.Start - b.Start) })
	for _, op := range ops {
		if isLeased(op.Key) && op.Client%3 > 0 || op.End-op.Start > int64(tooLong) {
			continue
		}
		if op.Start >= from && op.Client < extraCaller && len(keys[op.Key]) < sampleOps {
			keys[op.Key] = append(keys[op.Key], op)
		}
	}
	return keys
}
