package serve

import (
	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// countingBy returns how the Counter counts the ids of keys: by the rules that the
// worker prints them by. nil is for stores that have none.
func countingBy(stores []worker.Store) func(allocator.Key) etcd.Counting {
	byName := map[string]worker.Store{}
	some := false
	for _, st := range stores {
		byName[st.Name] = st
		some = some || st.Numbers != nil
	}
	if !some {
		return nil
	}
	return func(k allocator.Key) etcd.Counting {
		st, ok := byName[k.Store]
		if !ok {
			st = byName[subjects.AnyStore]
		}
		if st.Numbers == nil {
			return etcd.Counting{}
		}
		rule := st.Numbers(k.Name)
		if rule == nil {
			return etcd.Counting{}
		}
		var c etcd.Counting
		if rule.Bounded() {
			c.Limit = rule.Limit()
		}
		if rule.Periodic() {
			c.Period = rule.Period
		}
		return c
	}
}
