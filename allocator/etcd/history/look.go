package history

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// found is what check has read.
type found struct {
	kv    *mvccpb.KeyValue    // of the record; nil: there is none
	rec   *record.Incarnation // the same
	now   record.Sight        // where etcd's history is
	other string              // a counter at another spelling of the prefix; "": none
}

// judge is [judge], and finds counters elsewhere, too.
func (f found) judge(k known) (verdict, error) {
	what, err := judge(k, f.rec, f.now)
	if f.other != "" && (f.rec == nil || f.rec.Told == "") {
		return keep, ElsewhereFound(f.other)
	}
	return what, err
}

// recordFences reports whether even who remembers nothing would be fenced by the
// record. Else nobody may be told to delete it: it may be another store's, whose
// workers would be fenced then.
func (f found) recordFences() bool {
	if f.rec == nil {
		return false
	}
	what, err := judge(known{}, f.rec, f.now)
	return what != adopt || err != nil
}

// lookHereAlone gives up looking elsewhere, for want of permission.
func (g *Guard) lookHereAlone() {
	g.narrow = true
	g.log.Warn("this user may not look for counters at other spellings of the prefix, and goes on without", "prefix", g.prefix,
		"hint", fmt.Sprintf("if workers before this version were ever told %[1]s/, their counters are below %[1]s//: let the role read and write %[1]s/ and all below it", g.prefix))
}

// note takes what was found elsewhere.
func (f *found) note(kvs []*mvccpb.KeyValue) {
	if len(kvs) > 0 && f.other == "" {
		f.other = string(kvs[0].Key)
	}
}

// read reads the record.
func (g *Guard) read(ctx context.Context) (found, error) {
	probe := g.prefix.Probe()
	ops := []clientv3.Op{clientv3.OpGet(g.prefix.Incarnation())}
	var f found
	switch {
	case g.narrow:
	case g.apart:
		for _, op := range lookElsewhere(g.prefix) {
			resp, err := g.kv.Do(ctx, op)
			if errors.Is(err, rpctypes.ErrPermissionDenied) {
				g.lookHereAlone()
				break
			}
			if err != nil {
				return found{}, dial.Advise(fmt.Errorf("%w: look for counters elsewhere: %w", allocator.ErrUnavailable, err), err)
			}
			f.note(resp.Get().Kvs)
		}
	default:
		ops = append(ops, lookElsewhere(g.prefix)...)
	}
	resp, err := g.kv.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(probe), "=", record.ImpossibleRev)).
		Then(clientv3.OpPut(probe, "")).
		Else(ops...).
		Commit()
	switch {
	case errors.Is(err, rpctypes.ErrPermissionDenied) && !g.narrow:
		g.narrow = true // perhaps that is all that is denied
		f, err := g.read(ctx)
		if g.narrow = false; err == nil {
			g.lookHereAlone()
		}
		return f, err
	case record.TooLarge(err) && len(ops) > 1: // etcd's --max-txn-ops is 1 or 2
		g.apart = true
		return g.read(ctx)
	case err != nil:
		return found{}, dial.Advise(fmt.Errorf("%w: read etcd's incarnation: %w", allocator.ErrUnavailable, err), err)
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
		f.kv, f.rec = kvs[0], &rec
	}
	return f, nil
}
