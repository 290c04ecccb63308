package etcdtest

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// LossyKV spoils transactions on their way to a real etcd and back.
type LossyKV struct {
	clientv3.KV
	Spoil func() (before bool, err error) // nil error: leave this one alone
}

// Txn returns a transaction that may be spoiled.
func (kv *LossyKV) Txn(ctx context.Context) clientv3.Txn {
	return &lossyTxn{Txn: kv.KV.Txn(ctx), kv: kv}
}

type lossyTxn struct {
	clientv3.Txn
	kv *LossyKV
}

func (t *lossyTxn) If(cs ...clientv3.Cmp) clientv3.Txn { t.Txn = t.Txn.If(cs...); return t }
func (t *lossyTxn) Then(o ...clientv3.Op) clientv3.Txn { t.Txn = t.Txn.Then(o...); return t }
func (t *lossyTxn) Else(o ...clientv3.Op) clientv3.Txn { t.Txn = t.Txn.Else(o...); return t }
func (t *lossyTxn) Commit() (*clientv3.TxnResponse, error) {
	before, lost := t.kv.Spoil()
	if lost != nil && before {
		return nil, lost
	}
	resp, err := t.Txn.Commit()
	if err == nil && lost != nil {
		return nil, lost
	}
	return resp, err
}
