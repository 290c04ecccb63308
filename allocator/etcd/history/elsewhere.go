package history

import (
	"fmt"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// lookElsewhere reads whether a worker keeps counters at another spelling of
// prefix.
func lookElsewhere(prefix record.Prefix) (ops []clientv3.Op) {
	for _, other := range prefix.Elsewhere() {
		ops = append(ops, clientv3.OpGet(other.Counters(), clientv3.WithPrefix(), clientv3.WithLimit(1), clientv3.WithKeysOnly()))
	}
	return ops
}

// ElsewhereFound is the fence for a counter at another spelling of the prefix.
func ElsewhereFound(path string) error {
	at, _, _ := strings.Cut(path, record.CountersPath)
	return fmt.Errorf("%w: counters stand below %s%s too, where workers before this version kept them if their prefix was spelled %s",
		allocator.ErrFenced, at, record.CountersPath, at)
}
