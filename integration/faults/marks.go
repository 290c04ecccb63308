package faults

import (
	"context"
	"fmt"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	etcdrecord "github.com/seqd-io/seqd/allocator/etcd/record"
)

// marks reads every counter from etcd.
func (r *run) marks() map[allocator.Key]int64 {
	r.Helper()
	client := r.etcd.connect(r)
	defer client.Close()
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	marks, err := readMarks(ctx, client)
	if err != nil {
		r.Fatalf("read the counters: %v", err)
	}
	return marks
}

// countersPath is where the counters are in etcd.
const countersPath = etcdrecord.DefaultPrefix + "/v1/counters/"

func readMarks(ctx context.Context, client *clientv3.Client) (map[allocator.Key]int64, error) {
	marks := map[allocator.Key]int64{}
	for from, end := countersPath, clientv3.GetPrefixRangeEnd(countersPath); ; {
		resp, err := client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(10_000))
		if err != nil {
			return nil, err
		}
		for _, kv := range resp.Kvs {
			key, last, err := decodeMark(string(kv.Key), kv.Value)
			if err != nil {
				return nil, err
			}
			marks[key] = last
		}
		if !resp.More {
			return marks, nil
		}
		from = string(resp.Kvs[len(resp.Kvs)-1].Key) + "\x00"
	}
}

// decodeMark reads a counter's record.
func decodeMark(path string, value []byte) (key allocator.Key, last int64, err error) {
	store, name, ok := strings.Cut(strings.TrimPrefix(path, countersPath), "/")
	if !ok {
		return key, 0, fmt.Errorf("%s is no counter's path", path)
	}
	record, err := etcdrecord.DecodeCounter(value)
	if err != nil {
		return key, 0, fmt.Errorf("%s: %w", path, err)
	}
	return allocator.Key{Store: store, Name: name}, record.Last, nil
}
