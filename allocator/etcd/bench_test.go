package etcd_test

import (
	"fmt"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/integration/servers"
)

// BenchmarkAdvance advances counters on an etcd that syncs to disk: one key at a
// time, 256 keys at a time, and for comparison 256 callers with one transaction
// per id. ns/op is per advance.
func BenchmarkAdvance(b *testing.B) {
	server := servers.StartEtcdWith(b, func(*embed.Config) {})
	client := server.Connect(b)
	counter := etcd.NewCounter(client, etcd.Config{Writer: "w1"})
	b.Cleanup(counter.Close)
	advance := func(i int) error {
		_, err := counter.Advance(b.Context(), allocator.Key{Store: "bench", Name: fmt.Sprint(i)}, 1)
		return err
	}
	put := func(i int) error {
		key := fmt.Sprintf("/bench/%d", i)
		_, err := client.Txn(b.Context()).Then(clientv3.OpPut(key, ""), clientv3.OpGet(key)).Commit()
		return err
	}
	b.Run("keys=1", func(b *testing.B) { each(b, 1, advance) })
	b.Run("keys=256", func(b *testing.B) { each(b, 256, advance) })
	b.Run("one-transaction-per-id/callers=256", func(b *testing.B) { each(b, 256, put) })
}

// each has callers share b.N calls of f, each with a number of its own.
func each(b *testing.B, callers int, f func(caller int) error) {
	b.ReportAllocs()
	var wg sync.WaitGroup
	for c := range callers {
		n := b.N / callers
		if c < b.N%callers {
			n++
		}
		wg.Go(func() {
			for range n {
				if err := f(c); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
