package etcd_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/integration/servers"
)

// Whoever sends passes its place on: to a swap that is due and not called yet,
// and also where it gave up or was taken along by another sender. A first
// version could call one swap twice, and lose a place: with all of them lost
// nothing is sent any more.
func TestPlacesAreNotLost(t *testing.T) {
	c := open(t, servers.StartEtcd(t), "")
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
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
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
