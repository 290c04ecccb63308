package etcd_test

import (
	"context"
	"sync"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
)

// staleKV answers what only reads as it was answered for the first time, as an etcd
// member did that had stood still (etcd #20418). Nothing else shows that it is old.
type staleKV struct {
	clientv3.KV
	mu    sync.Mutex
	first map[string]*pb.TxnResponse // by what is read; nil: reads are as they should be
}

func (kv *staleKV) Txn(ctx context.Context) clientv3.Txn {
	return &staleTxn{Txn: kv.KV.Txn(ctx), kv: kv}
}

// heal ends it.
func (kv *staleKV) heal() {
	kv.mu.Lock()
	defer kv.mu.Unlock()
	kv.first = nil
}

type staleTxn struct {
	clientv3.Txn
	kv     *staleKV
	reads  string
	writes bool
}

func (t *staleTxn) note(ops []clientv3.Op) {
	for _, op := range ops {
		if t.writes = t.writes || !op.IsGet(); !t.writes {
			t.reads += string(op.KeyBytes()) + " "
		}
	}
}

func (t *staleTxn) If(cs ...clientv3.Cmp) clientv3.Txn { t.Txn = t.Txn.If(cs...); return t }
func (t *staleTxn) Then(o ...clientv3.Op) clientv3.Txn { t.note(o); t.Txn = t.Txn.Then(o...); return t }
func (t *staleTxn) Else(o ...clientv3.Op) clientv3.Txn { t.note(o); t.Txn = t.Txn.Else(o...); return t }
func (t *staleTxn) Commit() (*clientv3.TxnResponse, error) {
	resp, err := t.Txn.Commit()
	if err != nil || t.writes {
		return resp, err
	}
	kv := t.kv
	kv.mu.Lock()
	defer kv.mu.Unlock()
	if kv.first == nil {
		return resp, nil
	}
	old := kv.first[t.reads]
	if old == nil {
		old = (*pb.TxnResponse)(resp)
		kv.first[t.reads] = old
	}
	return &clientv3.TxnResponse{Header: resp.Header, Succeeded: old.Succeeded, Responses: old.Responses}, nil
}

// Reads may be older than what has happened, and decide nothing: whoever believes
// that an owner stands still, or is not there, takes nothing from one that is.
func TestStaleReadsDecideNothing(t *testing.T) {
	const lease = 300 * time.Millisecond
	for name, seen := range map[string]bool{"the owner's session is there, and never renewed": true, "the owner has no session yet": false} {
		t.Run(name, func(t *testing.T) {
			server := servers.StartEtcd(t)
			client := server.Connect(t)
			kv := &staleKV{KV: client.KV, first: map[string]*pb.TxnResponse{}}
			client.KV = kv
			b := newTenantOn(t, client, "b", time.Minute)
			if !seen {
				if _, err := kv.Txn(t.Context()).Then(clientv3.OpGet(sessionsPath + "a")).Commit(); err != nil {
					t.Fatal(err)
				}
			}
			a := newTenant(t, server, "a", lease)
			stop := keepRenewing(a)
			a.want(request(a.AllocateOwned, key, 1, ""), 1, 1)

			h := make(heard, 1)
			b.AllocateOwned(&allocator.Request{Key: key, N: 1, Deadline: time.Now().Add(5 * lease), Waiter: h, Direct: true, Asked: "a"})
			if got := <-h; got.err == nil {
				t.Errorf("b got %v, which a owns", got.ids)
			}
			wantStored(t, server, counterPath, `{"fmt":2,"last":10,"by":"a","owner":"a"}`)
			if etcdtest.Get(t, server, sessionsPath+"a") == "" {
				t.Error("a's session was deleted, and a renews it")
			}
			stop()
			kv.heal()
			got := <-request(b.AllocateOwned, key, 1, "a")
			for deadline := time.Now().Add(pace.Patience); got.err != nil && time.Now().Before(deadline); {
				got = <-request(b.AllocateOwned, key, 1, "a") // what was read before may have it ask a once more
			}
			if got.err != nil || got.ids.First != 11 {
				t.Errorf("b got %v after a had stopped, want 11", got)
			}
		})
	}
}
