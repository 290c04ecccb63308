package etcd

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// MaxBatch is how many advances a worker sends in one transaction, if etcd takes
// that many.
const MaxBatch = maxSwaps

// Batch returns how many advances of the longest keys etcd takes in one transaction,
// and MaxBatch at most. etcd may be set up for less (--max-txn-ops,
// --max-request-bytes), and shows that only by refusing. So Batch tries, with
// transactions that write nothing. 0 means that not even one fits.
func Batch(ctx context.Context, client *clientv3.Client, prefix string) (int, error) {
	for s := (size{}); ; {
		n := s.limit()
		switch err := tryBatch(ctx, client, record.PrefixOf(prefix), n); {
		case err != nil && !record.TooLarge(err):
			return 0, err
		case err == nil:
			s.took(n)
			if n == MaxBatch || n+1 == s.refused {
				return n, nil
			}
		case n == 1:
			return 0, nil
		default:
			s.tooLarge(n, time.Now())
			if s.taken > 0 && n == s.taken+1 {
				return s.taken, nil
			}
		}
	}
}

// tryBatch sends n swaps as a worker does that has lost races, but for compares
// that can't hold.
func tryBatch(ctx context.Context, client *clientv3.Client, prefix record.Prefix, n int) error {
	const longest = 64 + 1 + 200 // a store and a key
	longestRecord := record.Counter{Last: math.MaxInt64, By: strings.Repeat("x", 22), Owner: strings.Repeat("x", 22), Periods: true}.Encode()
	swaps := make([]record.Swap, n)
	ops := make([]clientv3.Op, n)
	for i := range swaps {
		swaps[i] = record.Swap{Path: fmt.Sprintf("%s/%0*d", prefix.Probe(), longest, i), Rev: record.Never, Value: longestRecord}
		ops[i] = swaps[i].Nested()
	}
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), record.AttemptTimeout)
	defer cancel()
	txn := client.Txn(ctx).Then(ops...)
	if n == 1 {
		txn = swaps[0].In(client.Txn(ctx))
	}
	if _, err := txn.Commit(); err != nil {
		return fmt.Errorf("%w: %w", allocator.ErrUnavailable, err)
	}
	return nil
}
