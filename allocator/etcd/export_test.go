package etcd

import (
	"context"
	"log/slog"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// NewCounterOn returns a Counter that sends its transactions to kv, and what it asks
// of leases if kv can tell, and pauses as jitter says.
func NewCounterOn(kv etcdserverpb.KVClient, jitter func(time.Duration) time.Duration, config Config) *Counter {
	client := clientv3.NewCtxClient(context.Background())
	client.KV = clientv3.NewKVFromKVClient(kv, nil)
	if leases, ok := kv.(etcdserverpb.LeaseClient); ok {
		client.Lease = clientv3.NewLeaseFromLeaseClient(leases, nil, time.Minute)
	}
	config.Log = slog.New(slog.DiscardHandler)
	c := NewCounter(client, config)
	c.jitter = jitter
	return c
}
