package bench

import (
	"context"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Txn asks etcd itself: one transaction per id, which puts the key and reads its
// version back. That is how Layotto's sequencer on etcd gets an id.
type Txn struct {
	// Dial returns a client: a connection of its own.
	Dial func(context.Context) (*clientv3.Client, error)

	clients []*clientv3.Client
	paths   []string
	timeout time.Duration
}

// txnPrefix keeps these keys apart from seqd's records.
const txnPrefix = "/seqd-bench/"

var _ Peer = (*Txn)(nil)

func (t *Txn) About() About {
	return About{ID: "txn", Name: "etcd transaction per id", Durability: "etcd fsync", Promise: Strict}
}

func (t *Txn) Open(ctx context.Context, w Wiring) error {
	for range w.Connections {
		client, err := t.Dial(ctx)
		if err != nil {
			return err
		}
		t.clients = append(t.clients, client)
	}
	for _, key := range w.Keys {
		t.paths = append(t.paths, txnPrefix+Store+"/"+key)
	}
	t.timeout = w.Timeout
	if _, _, err := t.Ask(ctx, 0, 0); err != nil {
		return fmt.Errorf("ask etcd: %w", err)
	}
	return nil
}

func (t *Txn) Ask(ctx context.Context, caller, key int) (first int64, n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	path := t.paths[key]
	resp, err := t.clients[caller%len(t.clients)].Txn(ctx).Then(clientv3.OpPut(path, ""), clientv3.OpGet(path)).Commit()
	if err != nil {
		return 0, 0, err
	}
	return resp.Responses[1].GetResponseRange().Kvs[0].Version, 1, nil
}

func (t *Txn) Close() {
	for _, c := range t.clients {
		_ = c.Close() // nothing of it is needed any more
	}
	t.clients = nil
}
