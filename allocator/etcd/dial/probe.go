package dial

import (
	"context"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// probe asks the member one thing; the error says that it can't be used.
func (mb *member) probe(ctx context.Context, config Config, thorough bool) (err error) {
	if mb.asking == nil {
		config.Endpoints = []string{mb.endpoint}
		if mb.asking, err = config.client(ctx); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), memberTimeout)
	defer cancel()
	// Not by the client's own methods: for Status it would connect anew.
	nc := mb.asking.ActiveConnection()
	if thorough {
		_, err = etcdserverpb.NewKVClient(nc).Txn(ctx, writesNothing)
	} else {
		_, err = etcdserverpb.NewMaintenanceClient(nc).Status(ctx, &etcdserverpb.StatusRequest{})
	}
	if !unfit(err) {
		return nil
	}
	return err
}

// writesNothing is a transaction that would write, and so goes all the way, but
// for a compare that can't hold.
//
// Where etcd asks for users it refuses this, and Status, as the probe has none,
// and that is an answer: it is given only after the member knew a leader, and for
// a transaction after a majority agreed. So nobody has to log in, which is a
// write.
var writesNothing = &etcdserverpb.TxnRequest{
	Compare: []*etcdserverpb.Compare{{
		Key: []byte(record.Prefix(record.DefaultPrefix).Probe()), Target: etcdserverpb.Compare_MOD, Result: etcdserverpb.Compare_EQUAL,
		TargetUnion: &etcdserverpb.Compare_ModRevision{ModRevision: record.Never},
	}},
	Success: []*etcdserverpb.RequestOp{{Request: &etcdserverpb.RequestOp_RequestPut{
		RequestPut: &etcdserverpb.PutRequest{Key: []byte(record.Prefix(record.DefaultPrefix).Probe())},
	}}},
}

// hangUp closes the member's connection, which may be dead: the next probe opens
// another one.
func (mb *member) hangUp() {
	if mb.asking != nil {
		mb.asking.Close()
		mb.asking = nil
	}
}
