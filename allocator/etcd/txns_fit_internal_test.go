package etcd

import (
	"fmt"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/integration/servers"
)

// A batch as large as a flat transaction may be, with one leased key in it, was
// refused when a race was lost and it was sent as nested transactions: etcd counts the
// outer operations and those of the widest inner one, and the guard of a lease is one.
// From then on batches were smaller, and the log blamed etcd's settings.
func TestBatchesFitNestedToo(t *testing.T) {
	client := servers.StartEtcd(t).Connect(t)
	for _, test := range []struct {
		name  string
		plain int
		wide  record.Swap
	}{
		{"plain", 200, record.Swap{}},
		{"one guard", 200, record.Swap{Guards: []record.Guard{{Path: "/guard"}}}},
		{"guards and answers", 200, record.Swap{Guards: []record.Guard{{Path: "/guard"}, {Path: "/guard2"}}, News: []record.New{{Path: "/new"}, {Path: "/new2"}}}},
		{"wide, and few", 3, record.Swap{Guards: []record.Guard{{Path: "/guard"}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var all txns
			test.wide.Path, test.wide.Rev = "/wide", record.Never
			all.due.push(&swap{Swap: test.wide})
			for i := range test.plain {
				all.due.push(&swap{Swap: record.Swap{Path: fmt.Sprintf("/plain/%d", i), Rev: record.Never}})
			}
			sent := 0
			for all.due.len > 0 {
				batch, _ := all.nextLocked()
				var ops []clientv3.Op
				for _, s := range batch {
					ops = append(ops, s.Nested())
				}
				if _, err := client.Txn(t.Context()).Then(ops...).Commit(); err != nil {
					t.Fatalf("a batch of %d: %v", len(batch), err)
				}
				sent++
			}
			if most := test.plain/100 + 1; sent > most {
				t.Errorf("sent in %d transactions, want %d at most", sent, most)
			}
		})
	}
}
