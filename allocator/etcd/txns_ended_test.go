package etcd_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/integration/servers"
)

// gatedKV holds transactions back on their way to a real etcd.
type gatedKV struct {
	clientv3.KV
	shut atomic.Bool
	came chan struct{} // gets one for each that waits
	gate chan struct{} // closed: they pass
}

func (kv *gatedKV) Txn(ctx context.Context) clientv3.Txn {
	if kv.shut.Load() {
		kv.came <- struct{}{}
		<-kv.gate
	}
	return kv.KV.Txn(ctx)
}

// An advance whose caller gives up before it is sent burns no id, and those
// around it are not disturbed.
func TestEndedAdvanceIsNotSent(t *testing.T) {
	client := servers.StartEtcd(t).Connect(t)
	gated := &gatedKV{KV: client.KV, came: make(chan struct{}, 100), gate: make(chan struct{})}
	client.KV = gated
	c := etcd.NewCounter(client, etcd.Config{})
	t.Cleanup(c.Close)
	etcdtest.MustAdvance(t, c, key, 1, 1) // etcd's incarnation has been read
	gated.shut.Store(true)

	var wg sync.WaitGroup
	advance := func(ctx context.Context, name string) {
		wg.Go(func() {
			if _, err := c.Advance(ctx, allocator.Key{Store: "s", Name: name}, 1); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		})
	}
	for i := range 2 { // as many transactions as are under way at a time
		advance(t.Context(), fmt.Sprint("first", i))
		<-gated.came
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := allocator.Key{Store: "s", Name: "ended"}
	gaveUp := make(chan error)
	go func() {
		_, err := c.Advance(ctx, ended, 1)
		gaveUp <- err
	}()
	advance(t.Context(), "another")
	cancel()
	if err := <-gaveUp; err == nil {
		t.Error("an advance ended well whose context was cancelled before it was sent")
	}
	close(gated.gate)
	wg.Wait()
	etcdtest.MustAdvance(t, c, ended, 1, 1)
}
