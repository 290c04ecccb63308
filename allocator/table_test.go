package allocator

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// Keys whose hashes collide are as apart as others, whichever of a chain comes
// and goes.
func TestTable(t *testing.T) {
	for _, mask := range []uint64{0, 3, ^uint64(0)} {
		t.Run(fmt.Sprintf("mask=%x", mask), func(t *testing.T) {
			table := newTable()
			table.mask = mask
			want := map[Key]*weakKey{}
			check := func() {
				t.Helper()
				if table.len != len(want) {
					t.Fatalf("len is %d, want %d", table.len, len(want))
				}
				for s := range 3 {
					for n := range 7 {
						key := Key{Store: fmt.Sprint("s", s), Name: fmt.Sprint("k", n)}
						if got := table.get(key); got != want[key] {
							t.Fatalf("%v: got %p, want %p", key, got, want[key])
						}
					}
				}
			}
			for range 2000 {
				key := Key{Store: fmt.Sprint("s", rand.N(3)), Name: fmt.Sprint("k", rand.N(7))}
				if k := want[key]; k == nil {
					want[key] = table.add(key)
				} else {
					table.remove(k)
					delete(want, key)
				}
				check()
			}
			for _, k := range want {
				table.remove(k)
			}
			if len(table.stores) > 0 || len(table.chains) > 0 {
				t.Errorf("%d stores and %d chains are left", len(table.stores), len(table.chains))
			}
		})
	}
}
