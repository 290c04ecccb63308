package faults

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	etcdrecord "github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/integration/pace"
)

// leasedStore is the store whose keys have owners.
const leasedStore = "ledger"

func isLeased(key allocator.Key) bool { return key.Store == leasedStore }

// owner returns the worker that owns key, once there is one.
func (s *system) owner(t testing.TB, key allocator.Key) *worker {
	t.Helper()
	client := s.etcd.connect(t)
	defer client.Close()
	var owner *worker
	eventually(t, pace.Patience, fmt.Sprintf("a worker owns %s/%s", key.Store, key.Name), func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		resp, err := client.Get(ctx, countersPath+key.Store+"/"+key.Name)
		if err != nil || len(resp.Kvs) == 0 {
			return fmt.Errorf("no record: %w", err)
		}
		record, err := etcdrecord.DecodeCounter(resp.Kvs[0].Value)
		if err != nil {
			return err
		}
		for _, w := range s.workers {
			if record.Owner != "" && w.running() && w.id() == record.Owner {
				owner = w
				return nil
			}
		}
		return fmt.Errorf("its owner is %q, which does not run any more", record.Owner)
	})
	return owner
}

// ownership follows who owns some leased keys.
type ownership struct {
	mu     sync.Mutex
	owners map[string]string // the last that a key had, "" for none, by path
	n      int               // times that a key got another
}

// watchOwners has an ownership follow keys until the test's end. Where etcd's
// history goes back, it sees nothing for a while.
func watchOwners(t testing.TB, etcd *etcdCluster, keys []allocator.Key) *ownership {
	client := etcd.connect(t)
	o := &ownership{owners: map[string]string{}}
	for _, key := range keys {
		o.owners[countersPath+key.Store+"/"+key.Name] = ""
	}
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() {
		for resp := range client.Watch(ctx, countersPath+leasedStore+"/", clientv3.WithPrefix()) {
			for _, e := range resp.Events {
				o.saw(string(e.Kv.Key), e.Kv.Value)
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		watching.Wait()
		client.Close()
	})
	return o
}

func (o *ownership) saw(path string, value []byte) {
	record, err := etcdrecord.DecodeCounter(value)
	if err != nil || record.Owner == "" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	was, ok := o.owners[path]
	if !ok {
		return
	}
	if was != "" && was != record.Owner {
		o.n++
	}
	o.owners[path] = record.Owner
}

// changes returns how often a key got another owner.
func (o *ownership) changes() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.n
}

// lastLeased returns how long after from the last id of a leased key came.
func (r *run) lastLeased(from int64) time.Duration {
	last := from
	for _, a := range r.record.all() {
		if isLeased(a.Key) && a.outcome == "" {
			last = max(last, a.End)
		}
	}
	return time.Duration(last - from)
}

// withoutIDs returns the longest time without an id of key in a record, from a
// stamp on.
func (r *run) withoutIDs(key allocator.Key, from int64) (longest time.Duration) {
	last := from
	for _, a := range byEnd(r.record.all()) {
		if a.Key == key && a.outcome == "" && a.End > from {
			longest = max(longest, time.Duration(a.End-last))
			last = a.End
		}
	}
	return max(longest, time.Duration(r.record.history.Now()-last))
}
