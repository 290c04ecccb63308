package allocatortest

import (
	"fmt"

	"github.com/seqd-io/seqd/allocator"
)

// CheckMarks returns an error unless each key's mark, as the counter has it
// after the last op, is at least every id that was handed out.
func CheckMarks(ops []Op, marks map[allocator.Key]int64) error {
	for _, op := range ops {
		if mark, ok := marks[op.Key]; !ok || op.Ids.Last() > mark {
			return fmt.Errorf("an id was handed out above the mark, which is %d: %v", mark, op)
		}
	}
	return nil
}

// Gaps returns, for each key, how many of the ids up to its mark were not
// handed out. The ids of ops must be unique.
func Gaps(ops []Op, marks map[allocator.Key]int64) map[allocator.Key]int64 {
	gaps := map[allocator.Key]int64{}
	for key, mark := range marks {
		gaps[key] = mark
	}
	for _, op := range ops {
		gaps[op.Key] -= int64(op.Ids.N)
	}
	return gaps
}
