package etcd_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
)

// However many give up, whether due or under way, what is due is sent.
func TestNothingIsStuck(t *testing.T) {
	c := etcdtest.Open(t, servers.StartEtcd(t), "")
	var wg sync.WaitGroup
	for g := range 500 {
		wg.Go(func() {
			for range 5 {
				ctx, cancel := context.WithCancel(t.Context())
				if rand.N(3) == 0 {
					time.AfterFunc(time.Duration(rand.N(3000))*time.Microsecond, cancel)
				}
				_, err := c.Advance(ctx, allocator.Key{Store: "s", Name: fmt.Sprint(g % 200)}, 1)
				if err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), pace.Patience)
	defer cancel()
	for range 10 {
		wg.Go(func() {
			if _, err := c.Advance(ctx, key, 1); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
