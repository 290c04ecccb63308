package etcd_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator/allocatortest"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/integration/servers"
)

// countingKV counts the transactions on their way to a real etcd.
type countingKV struct {
	clientv3.KV
	n atomic.Int64
}

func (kv *countingKV) Txn(ctx context.Context) clientv3.Txn {
	kv.n.Add(1)
	return kv.KV.Txn(ctx)
}

// The two-outcome rule: whatever error a transaction returns, it may have been
// applied; its range must never be issued.
func TestAmbiguousTransactionIsAGap(t *testing.T) {
	for _, lost := range []error{
		rpctypes.ErrNoSpace, // etcd applies the transaction and then says this
		rpctypes.ErrTimeout,
		context.DeadlineExceeded,
		errors.New("transport is closing"),
	} {
		t.Run(lost.Error(), func(t *testing.T) {
			server := servers.StartEtcd(t)
			client := server.Connect(t)
			var left atomic.Int64
			client.KV = &etcdtest.LossyKV{KV: client.KV, Spoil: func() (bool, error) {
				if left.Add(-1) >= 0 {
					return false, lost
				}
				return false, nil
			}}
			c := etcd.NewCounter(client, etcd.Config{})
			t.Cleanup(c.Close)
			if err := ready(t, c); err != nil { // has read the incarnation
				t.Fatal(err)
			}
			left.Store(2)
			// The first attempt is applied and its answer lost. The second one's
			// compare fails: it learns the mark, and that answer is lost too.
			etcdtest.MustAdvance(t, c, key, 10, 11)
		})
	}
}

// Several workers whose requests and answers are lost at random: nothing twice,
// nothing out of order.
func TestLossyCountersKeepTheirPromises(t *testing.T) {
	server := servers.StartEtcd(t)
	var history allocatortest.History
	var wg sync.WaitGroup
	var losses atomic.Int64
	for w := range 3 {
		client := server.Connect(t)
		client.KV = &etcdtest.LossyKV{KV: client.KV, Spoil: func() (bool, error) {
			switch rand.N(10) {
			case 0:
				losses.Add(1)
				return true, errors.New("request lost")
			case 1:
				losses.Add(1)
				return false, errors.New("answer lost")
			}
			return false, nil
		}}
		c := etcd.NewCounter(client, etcd.Config{})
		t.Cleanup(c.Close)
		for range 3 {
			wg.Go(func() {
				for i := range 60 {
					op := allocatortest.Op{Key: key, Client: w, Strong: true, Start: history.Now()}
					var err error
					op.Ids, err = c.Advance(t.Context(), key, 1+i%3)
					op.End = history.Now()
					if err != nil {
						t.Error(err)
						return
					}
					history.Add(op)
				}
			})
		}
	}
	wg.Wait()
	if err := errors.Join(allocatortest.CheckUnique(history.Ops()), allocatortest.CheckStrong(history.Ops())); err != nil {
		t.Error(err)
	}
	if losses.Load() < 20 {
		t.Errorf("only %d losses: the test shows little", losses.Load())
	}
	if n := len(history.Ops()); n != 3*3*60 {
		t.Errorf("%d operations, want %d", n, 3*3*60)
	}
}
