package operate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// Incarnation returns the record, a zero one where there is none.
func (a *Admin) Incarnation(ctx context.Context) (record.Incarnation, error) {
	rec, _, err := a.incarnation(ctx)
	return rec, err
}

// incarnation returns the record and its ModRevision, 0 where there is none.
func (a *Admin) incarnation(ctx context.Context) (record.Incarnation, int64, error) {
	resp, err := a.get(ctx, a.prefix.Incarnation())
	if err != nil {
		return record.Incarnation{}, 0, fmt.Errorf("read the incarnation: %w", err)
	}
	if len(resp.Kvs) == 0 {
		return record.Incarnation{Seen: record.SightOf(resp.Header)}, 0, nil
	}
	rec, err := record.DecodeIncarnation(resp.Kvs[0].Value)
	if err != nil {
		return record.Incarnation{}, 0, err
	}
	rec.Seen = record.SightOf(resp.Header)
	return rec, resp.Kvs[0].ModRevision, nil
}

// jumpBatch is how many counters are raised in one transaction.
const jumpBatch = 100

// JumpMarks raises the mark of every counter of a store ("": of all stores) by
// that much, but not past the greatest id, of its period if it counts in periods,
// and goes on past records that are not understood. It writes no incarnation. Done
// twice, it raises twice. An error is the last thing it yields; the marks not
// yielded before may have been raised.
// When it has yielded all, it has waited for the counters' owners, as
// [Admin.Raise] does, for all at a time; that ends with a [HeldError] or nothing.
//
// For all stores it first takes over what workers of older versions have counted
// at another spelling of the prefix: until [Admin.Reincarnate] no worker issues
// anything then.
func (a *Admin) JumpMarks(ctx context.Context, store string, by int64) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		raised := Raised{}
		if store == "" {
			left, err := a.takeOver(ctx)
			for _, change := range left {
				if !yield(change, nil) {
					return
				}
			}
			if err != nil {
				yield(Change{}, err)
				return
			}
		}
		for page, err := range a.pages(ctx, store) {
			if err == nil {
				err = a.findLeft(ctx, page)
			}
			if err != nil {
				yield(Change{}, err)
				return
			}
			for len(page) > 0 {
				batch := page[:min(jumpBatch, len(page))]
				page = page[len(batch):]
				changes, err := a.jumpTogether(ctx, batch, by)
				for _, c := range changes {
					raised.Add(c)
					if !yield(c, nil) {
						return
					}
				}
				if err != nil {
					yield(Change{}, err)
					return
				}
			}
		}
		if err := a.letGo(ctx, raised); err != nil {
			yield(Change{}, err)
		}
	}
}

// findLeft notes whose owners have no session.
func (a *Admin) findLeft(ctx context.Context, page []Mark) error {
	if !slices.ContainsFunc(page, func(m Mark) bool { return m.Owner != "" }) {
		return nil
	}
	sessions, err := a.Sessions(ctx)
	for i, m := range page {
		_, there := sessions[m.Owner]
		page[i].left = err == nil && m.Owner != "" && !there
	}
	return err
}

// jumpTogether raises marks by that much, in one transaction if none has changed
// meanwhile.
func (a *Admin) jumpTogether(ctx context.Context, marks []Mark, by int64) ([]Change, error) {
	targets := make([]*target, len(marks))
	for i, m := range marks {
		targets[i] = jumpOf(m, by)
	}
	return a.raiseTogether(ctx, marks, targets)
}

// jumped returns what Reincarnate(by) would make of a record now.
func jumped(rec record.Incarnation, by int64) record.Incarnation {
	// An epoch that was reached by counting could be lower than the one that
	// workers remember, in a backup from before a jump or an etcd that was set
	// up anew. So it is about the time of the jump.
	rec.Epoch = max(rec.Epoch+1, time.Now().Unix())
	rec.Floor = Above(rec.Floor, by)
	rec.Fenced = ""
	return rec
}

// Reincarnate raises the epoch, which ends the FENCED of all workers, and the
// floor: counters that were first used after the backup have no record, and
// would start at 1. All marks must have been raised before, by as much.
func (a *Admin) Reincarnate(ctx context.Context, by int64) (was, is record.Incarnation, err error) {
	for won := false; !won; { // over a worker that has just written its maxima: once more
		var rev int64
		if was, rev, err = a.before(ctx); err != nil {
			return was, is, err
		}
		is = jumped(was, by)
		if won, err = a.write(ctx, rev, &is); err != nil {
			return was, is, err
		}
	}
	return was, is, nil
}

// write puts a record in place of the one with that ModRevision, unless somebody
// else has written meanwhile. The first one gets its lineage here.
func (a *Admin) write(ctx context.Context, rev int64, rec *record.Incarnation) (won bool, err error) {
	if rec.Lineage == "" {
		rec.Lineage = record.NewUUID()
	}
	out, err := a.swap(ctx, &record.Swap{Path: a.prefix.Incarnation(), Rev: rev, Value: rec.Encode()})
	if err != nil {
		return false, fmt.Errorf("write the incarnation, which may be there now: %w", err)
	}
	return out.Won, nil
}

// before returns the record and its ModRevision, as a jump finds them: keys that
// were new at another spelling of the prefix start above its floor, here too.
func (a *Admin) before(ctx context.Context) (record.Incarnation, int64, error) {
	rec, rev, err := a.incarnation(ctx)
	if err != nil {
		return rec, rev, err
	}
	for _, prefix := range a.prefix.Elsewhere() {
		other, _, err := a.at(prefix).incarnation(ctx)
		if err != nil && !errors.Is(err, rpctypes.ErrPermissionDenied) {
			return rec, rev, err
		}
		rec.Epoch, rec.Floor = max(rec.Epoch, other.Epoch), max(rec.Floor, other.Floor)
	}
	return rec, rev, nil
}

// PreviewReincarnate returns what Reincarnate would find and write now.
func (a *Admin) PreviewReincarnate(ctx context.Context, by int64) (was, is record.Incarnation, err error) {
	was, _, err = a.before(ctx)
	return was, jumped(was, by), err
}
