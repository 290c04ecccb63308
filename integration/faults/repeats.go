package faults

import (
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/integration/pace"
)

const (
	repeaters  = 16  // that ask again, in the end
	minRepeats = 100 // that a verdict is worth something with
)

// again asks once more for all that was asked with an idempotency key, answered or
// not, until there is an answer. It returns for how many.
func (b *bills) again() (repeats int) {
	next := make(chan *bill)
	var wg sync.WaitGroup
	for i := range repeaters {
		wg.Go(func() {
			for w := range next {
				b.repeat(i, w)
			}
		})
	}
	for _, w := range b.all {
		if w.once != "" {
			repeats++
			next <- w
		}
	}
	close(next)
	wg.Wait()
	return repeats
}

func (b *bills) repeat(repeater int, w *bill) {
	for deadline := time.Now().Add(pace.Patience); ; time.Sleep(billSpacing) {
		err := b.ask(b.conns[repeater%len(b.conns)], w)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.problemLocked("no answer to a repeat: %v: %w", w.Op, err)
			return
		}
	}
}

// judge holds all answers against U and S for (period, id), and repeats against what
// they repeat. forgets says that answers may have been lost with the counters.
func (b *bills) judge(v *verdict, marks map[allocator.Key]int64, forgets, loose bool) {
	for _, problem := range b.problems {
		v.check(problem)
	}
	ops := b.ops
	for i := range ops {
		ops[i].Strong = ops[i].Strong || ops[i].Key == billKeys[1] && !loose
	}
	v.check(allocatortest.CheckUnique(ops))
	v.check(allocatortest.CheckStrong(ops))
	v.check(allocatortest.CheckMarks(ops, marks))
	v.checkf(b.forgot == 0 || forgets, "%d repeats got other ids", b.forgot)
	v.ops += len(ops)
}

// splitBills takes the marks of billKeys out of marks.
func splitBills(marks map[allocator.Key]int64) (bills map[allocator.Key]int64) {
	bills = maps.Clone(marks)
	maps.DeleteFunc(bills, func(key allocator.Key, _ int64) bool { return !isBill(key) })
	maps.DeleteFunc(marks, func(key allocator.Key, _ int64) bool { return isBill(key) })
	return bills
}

// told says how the repeats went, for the table.
func (b *bills) told(repeats int) string {
	s := fmt.Sprintf("%d of %d repeats alike", repeats-b.forgot, repeats)
	if b.attempts > 0 {
		s += fmt.Sprintf(", %d made while the fault lasted too", b.attempts)
	}
	return s
}
