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
	client *clientv3.Client
	paths  string // prefix

	mu     sync.Mutex
	stop   context.CancelFunc // of the watch under way
	owners map[string]string  // the last that a key had, "" for none, by path
	n      int                // times that a key got another
}

// watchOwners has an ownership follow keys until the test's end.
func watchOwners(t testing.TB, etcd *etcdCluster, keys []allocator.Key) *ownership {
	client := etcd.connect(t)
	o := &ownership{client: client, paths: countersPath + leasedStore + "/", owners: map[string]string{}}
	for _, key := range keys {
		o.owners[countersPath+key.Store+"/"+key.Name] = ""
	}
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() {
		for ctx.Err() == nil {
			o.follow(ctx)
			sleep(ctx, 100*time.Millisecond)
		}
	})
	t.Cleanup(func() {
		cancel()
		watching.Wait()
		client.Close()
	})
	return o
}

// follow sees the owners that there are and those that come, until etcd ends the
// watch. It does so when what comes next was compacted away before it was seen.
func (o *ownership) follow(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o.mu.Lock()
	o.stop = cancel
	o.mu.Unlock()
	now, err := o.client.Get(ctx, o.paths, clientv3.WithPrefix())
	if err != nil {
		return
	}
	for _, kv := range now.Kvs {
		o.saw(string(kv.Key), kv.Value)
	}
	for resp := range o.client.Watch(ctx, o.paths, clientv3.WithPrefix(), clientv3.WithRev(now.Header.Revision+1)) {
		for _, e := range resp.Events {
			o.saw(string(e.Kv.Key), e.Kv.Value)
		}
	}
}

// again has the watch begin anew, as etcd's history has gone back.
func (o *ownership) again() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stop != nil {
		o.stop()
	}
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
