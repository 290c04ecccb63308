package etcd

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// MaxBatch is how many advances a worker sends in one transaction, if etcd takes
// that many.
const MaxBatch = maxSwaps

// Batch returns how many advances of the longest keys etcd takes in one
// transaction, MaxBatch at most: it may be set up for less (--max-txn-ops,
// --max-request-bytes), and tells that by its refusals only. So Batch tries, with
// transactions that write nothing. 0 says that not even one fits.
func (a *Admin) Batch(ctx context.Context) (int, error) {
	for s := (size{}); ; {
		n := s.limit()
		switch err := a.tryBatch(ctx, n); {
		case err != nil && !tooLarge(err):
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
func (a *Admin) tryBatch(ctx context.Context, n int) error {
	const longest = 64 + 1 + 200 // a store and a key
	longestRecord := record{last: math.MaxInt64, by: strings.Repeat("x", 22)}.encode()
	swaps := make([]swap, n)
	ops := make([]clientv3.Op, n)
	for i := range swaps {
		swaps[i] = swap{path: fmt.Sprintf("%s%s/%0*d", a.prefix, probePath, longest, i), rev: impossibleRev, value: longestRecord}
		ops[i] = swaps[i].nested()
	}
	_, err := a.txn(ctx, func(txn clientv3.Txn) clientv3.Txn {
		if n == 1 {
			return swaps[0].alone(txn)
		}
		return txn.Then(ops...)
	})
	return err
}
