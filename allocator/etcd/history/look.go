package history

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// found is what was read of etcd's history.
type found struct {
	rec   *record.Incarnation // nil: there is none
	rev   int64               // its ModRevision; 0: there is none
	now   record.Sight        // where etcd's history is
	other string              // a counter at another spelling of the prefix; "": none
}

// judge is [judge], and finds counters elsewhere, too.
func (f found) judge(p past) (verdict, error) {
	what, err := judge(p, f.rec, f.now)
	if f.other != "" && (f.rec == nil || f.rec.Fenced == "") {
		return keep, ElsewhereFound(f.other)
	}
	return what, err
}

// recordFences reports whether even who remembers nothing would be fenced by the
// record. Else nobody may be told to delete it: it may be another lineage's,
// whose workers would be fenced then.
func (f found) recordFences() bool {
	if f.rec == nil {
		return false
	}
	what, err := judge(past{}, f.rec, f.now)
	return what != adopt || err != nil
}

// note takes what was found elsewhere.
func (f *found) note(kvs []*mvccpb.KeyValue) {
	if len(kvs) > 0 && f.other == "" {
		f.other = string(kvs[0].Key)
	}
}

// reader reads the record, and whether there are counters elsewhere.
type reader struct {
	kv       clientv3.KV
	prefix   record.Prefix
	narrowed func(record.Prefix) // hears that narrow is set; nil: nobody does

	narrow bool // this user may not look elsewhere
	apart  bool // etcd takes too few operations to look elsewhere in the same transaction
}

// giveUpElsewhere looks here alone from now on, for want of permission.
func (r *reader) giveUpElsewhere() {
	r.narrow = true
	if r.narrowed != nil {
		r.narrowed(r.prefix)
	}
}

// read reads by a transaction that would write, but for a compare that can't
// hold: so it goes through consensus, quota and permissions.
func (r *reader) read(ctx context.Context) (found, error) {
	var f found
	ops := []clientv3.Op{clientv3.OpGet(r.prefix.Incarnation())}
	switch {
	case r.narrow:
	case r.apart:
		for _, op := range lookElsewhere(r.prefix) {
			resp, err := r.kv.Do(ctx, op)
			if errors.Is(err, rpctypes.ErrPermissionDenied) {
				r.giveUpElsewhere()
				break
			}
			if err != nil {
				return found{}, fmt.Errorf("%w: look for counters elsewhere: %w", allocator.ErrUnavailable, err)
			}
			f.note(resp.Get().Kvs)
		}
	default:
		ops = append(ops, lookElsewhere(r.prefix)...)
	}
	probe := record.Swap{Path: r.prefix.Probe(), Rev: record.Never}
	resp, err := r.kv.Txn(ctx).If(probe.Compare()).Then(probe.Put()).Else(ops...).Commit()
	switch {
	case errors.Is(err, rpctypes.ErrPermissionDenied) && !r.narrow:
		r.narrow = true // perhaps that is all that is denied
		f, err := r.read(ctx)
		if r.narrow = false; err == nil {
			r.giveUpElsewhere()
		}
		return f, err
	case record.TooLarge(err) && len(ops) > 1: // etcd's --max-txn-ops is 1 or 2
		r.apart = true
		return r.read(ctx)
	case err != nil:
		return found{}, fmt.Errorf("%w: read etcd's incarnation: %w", allocator.ErrUnavailable, err)
	case resp.Succeeded:
		return found{}, fmt.Errorf("%w: a compare that can't hold held", allocator.ErrUnavailable)
	}
	f.now = record.SightOf(resp.Header)
	for _, r := range resp.Responses[1:] {
		f.note(r.GetResponseRange().Kvs)
	}
	if kvs := resp.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
		rec, err := record.DecodeIncarnation(kvs[0].Value)
		if err != nil {
			return f, err
		}
		f.rec, f.rev = &rec, kvs[0].ModRevision
	}
	return f, nil
}
