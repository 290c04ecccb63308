package operate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// Admin reads and raises counters for an operator, while workers run or not. Its
// writes are compare-and-swaps on the record, as a Counter's are, and never
// lower a mark, nor change whose the counter is. It is safe for concurrent use.
type Admin struct {
	client *clientv3.Client
	prefix record.Prefix
	by     string
	tell   func(Wait) // before it waits; see Telling
}

// ErrNoRecord is returned for a counter that has no record.
var ErrNoRecord = errors.New("etcd: the counter has no record")

// adminBy begins the name of an Admin as a record's writer.
const adminBy = "admin-"

// New returns an Admin of the counters below prefix ("": DefaultPrefix). It
// panics if that can't be one by CanonicalPrefix.
func New(client *clientv3.Client, prefix string) *Admin {
	return &Admin{client: client, prefix: record.PrefixOf(prefix), by: adminBy + record.NewUUID()[:8], tell: func(Wait) {}}
}

// Telling returns an Admin that calls f before it waits for workers.
func (a *Admin) Telling(f func(Wait)) *Admin {
	b := *a
	b.tell = f
	return &b
}

// listPage is how many records are read at a time.
const listPage = 1000

// List goes through the counters of a store ("": of all stores), in the order of
// their records' names. It reads them page by page: counters that come up
// meanwhile may be missed. An error is the last thing it yields.
func (a *Admin) List(ctx context.Context, store string) iter.Seq2[Mark, error] {
	return func(yield func(Mark, error) bool) {
		for page, err := range a.pages(ctx, store) {
			for _, m := range page {
				if !yield(m, nil) {
					return
				}
			}
			if err != nil {
				yield(Mark{}, err)
				return
			}
		}
	}
}

func (a *Admin) pages(ctx context.Context, store string) iter.Seq2[[]Mark, error] {
	return func(yield func([]Mark, error) bool) {
		all := a.prefix.Counters()
		from := all
		if store != "" {
			from += store + "/"
		}
		end := clientv3.GetPrefixRangeEnd(from)
		for more := true; more; {
			resp, err := a.get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(listPage))
			if err != nil {
				yield(nil, fmt.Errorf("list %s: %w", from, err))
				return
			}
			page := make([]Mark, len(resp.Kvs))
			for i, kv := range resp.Kvs {
				store, name, _ := strings.Cut(strings.TrimPrefix(string(kv.Key), all), "/")
				page[i] = markOf(allocator.Key{Store: store, Name: name}, kv.Value, kv.ModRevision)
				from = string(kv.Key) + "\x00"
			}
			more = yield(page, nil) && resp.More
		}
	}
}

// Peek returns a counter's record. The error is ErrNoRecord where there is none.
func (a *Admin) Peek(ctx context.Context, key allocator.Key) (Mark, error) {
	path := a.prefix.Counter(key)
	resp, err := a.get(ctx, path)
	switch {
	case err != nil:
		return Mark{}, fmt.Errorf("peek %s: %w", path, err)
	case len(resp.Kvs) == 0:
		return Mark{}, fmt.Errorf("peek %s: %w", path, ErrNoRecord)
	}
	return markOf(key, resp.Kvs[0].Value, resp.Kvs[0].ModRevision), nil
}

// adminPatience bounds the reading of a page, and the raising of a counter.
const adminPatience = 5 * time.Second

func (a *Admin) get(ctx context.Context, path string, options ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), adminPatience)
	defer cancel()
	resp, err := a.client.Get(ctx, path, options...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", allocator.ErrUnavailable, err)
	}
	return resp, nil
}

// swap sends one swap. It may have been won, or be later, whatever the error.
func (a *Admin) swap(ctx context.Context, s *record.Swap) (out record.Swapped, err error) {
	resp, err := a.txn(ctx, s.In)
	if err == nil {
		out = record.SwappedBy(resp.Header.Revision, resp.Succeeded, resp.Responses)
	}
	return out, err
}

// txn sends one transaction. It may have been applied, or be later, whatever the
// error.
func (a *Admin) txn(ctx context.Context, build func(clientv3.Txn) clientv3.Txn) (*clientv3.TxnResponse, error) {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), record.AttemptTimeout)
	defer cancel()
	resp, err := build(a.client.Txn(ctx)).Commit()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", allocator.ErrUnavailable, err)
	}
	return resp, nil
}
