package etcd_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/etcdsim"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
)

// An advance whose first attempt had failed tried again after etcd had been put
// back to a backup, won with what it had known at its beginning, and got the ids
// that another advance of the same Counter had returned meanwhile. Others had
// written so much by then that the revision did not tell. (TestSimulation found
// it.)
func TestAdvanceUnderWayWhenEtcdGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := etcdsim.New()
		var refuse atomic.Bool
		client := etcdsim.NewClient(server, func(etcdsim.Call) etcdsim.Fault {
			if refuse.Swap(false) {
				return etcdsim.Fault{Outcome: etcdsim.Refused, Err: status.Error(codes.Unavailable, "connection refused")}
			}
			return etcdsim.Fault{}
		})
		c := etcd.NewCounterOn(client, func(d time.Duration) time.Duration { return d - 1 }, etcd.Config{})
		defer c.Close()
		etcdtest.MustAdvance(t, c, key, 10, 1)
		backup := server.Snapshot()
		refuse.Store(true)

		var ids allocator.Range
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			ids, err = c.Advance(t.Context(), key, 5)
		}()
		synctest.Wait() // it pauses after its first attempt
		etcdtest.MustAdvance(t, c, key, 5, 11)
		server.Restore(backup, 1)
		for i := range 10 {
			if _, err := server.Put(&pb.PutRequest{Key: fmt.Append(nil, "/other/", i)}); err != nil {
				t.Fatal(err)
			}
		}
		<-done
		if !errors.Is(err, allocator.ErrFenced) {
			t.Errorf("got %v, %v; want ErrFenced", ids, err)
		}
	})
}

// A write gets a revision of its own. After a rewind by one revision, the next
// write got one that had been seen; two advances that were under way then could
// get the same ids. (TestSimulation found it.)
func TestRevisionThatComesTwice(t *testing.T) {
	server := etcdsim.New()
	c := etcd.NewCounterOn(etcdsim.NewClient(server, nil), func(d time.Duration) time.Duration { return d - 1 }, etcd.Config{})
	defer c.Close()
	etcdtest.MustAdvance(t, c, key, 10, 1)
	backup := server.Snapshot()
	etcdtest.MustAdvance(t, c, key, 5, 11)
	server.Restore(backup, 1)
	other := allocator.Key{Store: "demo", Name: "other"}
	if ids, err := c.Advance(t.Context(), other, 1); !errors.Is(err, allocator.ErrFenced) {
		t.Errorf("got %v, %v; want ErrFenced", ids, err)
	}
}
