package allocatortest_test

import (
	"testing"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

func TestCheckMarks(t *testing.T) {
	a, b := allocator.Key{Store: "s", Name: "a"}, allocator.Key{Store: "s", Name: "b"}
	ops := []allocatortest.Op{
		{Key: a, Ids: allocator.Range{First: 1, N: 10}},
		{Key: a, Ids: allocator.Range{First: 15, N: 1}},
		{Key: b, Ids: allocator.Range{First: 3, N: 2}},
	}
	for _, tt := range []struct {
		name  string
		marks map[allocator.Key]int64
		ok    bool
	}{
		{"exactly", map[allocator.Key]int64{a: 15, b: 4}, true},
		{"above", map[allocator.Key]int64{a: 100, b: 100}, true},
		{"one below", map[allocator.Key]int64{a: 15, b: 3}, false},
		{"in the middle of a range", map[allocator.Key]int64{a: 14, b: 4}, false},
		{"absent", map[allocator.Key]int64{a: 15}, false},
	} {
		if err := allocatortest.CheckMarks(ops, tt.marks); (err == nil) != tt.ok {
			t.Errorf("%s: CheckMarks returned %v", tt.name, err)
		}
	}
	gaps := allocatortest.Gaps(ops, map[allocator.Key]int64{a: 20, b: 4})
	if gaps[a] != 9 || gaps[b] != 2 {
		t.Errorf("gaps are %v, want 9 and 2", gaps)
	}
}
