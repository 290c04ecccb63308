package operate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/history"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// Elsewhere returns the prefixes with more slashes at their end below which
// counters stand. [Admin.JumpMarks] takes them over.
func (a *Admin) Elsewhere(ctx context.Context) (prefixes []record.Prefix, err error) {
	for _, prefix := range a.prefix.Elsewhere() {
		resp, err := a.get(ctx, prefix.Counters(), clientv3.WithPrefix(), clientv3.WithLimit(1), clientv3.WithKeysOnly())
		switch {
		case errors.Is(err, rpctypes.ErrPermissionDenied): // no worker with this user's role counts there
		case err != nil:
			return nil, fmt.Errorf("look for counters below %s: %w", prefix.Counters(), err)
		case len(resp.Kvs) > 0:
			prefixes = append(prefixes, prefix)
		}
	}
	return prefixes, nil
}

// at returns an Admin of another prefix, as it is spelled.
func (a *Admin) at(prefix record.Prefix) *Admin {
	return &Admin{client: a.client, prefix: prefix, by: a.by, tell: a.tell}
}

// takeOver moves the counters that stand elsewhere to here, each by a
// compare-and-swap of both records, so that none is ever lower or gone. It
// returns those that were left where they are, because they are not understood.
//
// Before that it writes a fence into both incarnations. The one elsewhere stays,
// for a worker of an older version that is started there would begin at 1.
//
// A counter that somebody owns elsewhere is nobody's here: owners have their
// sessions where their counters are. They are waited for there, as Raise does.
func (a *Admin) takeOver(ctx context.Context) (left []Change, err error) {
	prefixes, err := a.Elsewhere(ctx)
	if err != nil {
		return nil, err
	}
	for _, prefix := range prefixes {
		from := a.at(prefix)
		for _, one := range []*Admin{a, from} {
			if err := one.fence(ctx, history.Reason(history.ElsewhereFound(prefix.Counters()))); err != nil {
				return left, err
			}
		}
		moved := Raised{}
		for page, err := range from.pages(ctx, "") {
			if err != nil {
				return left, err
			}
			for batch := range slices.Chunk(page, jumpBatch/2) { // two records each
				more, err := a.moveTogether(ctx, from, batch, moved)
				left = append(left, more...)
				if err != nil {
					return left, err
				}
			}
		}
		if err := from.letGo(ctx, moved); err != nil {
			return left, err
		}
	}
	return left, nil
}

// fence writes into the incarnation why nothing may be issued, and makes one that
// says so if there is none.
func (a *Admin) fence(ctx context.Context, why string) error {
	for won := false; !won; {
		rec, rev, err := a.incarnation(ctx)
		if err != nil || rec.Fenced != "" {
			return err
		}
		rec.Fenced = why
		if won, err = a.write(ctx, rev, &rec); err != nil {
			return err
		}
	}
	return nil
}

// moveTogether moves counters that are not here yet in one transaction, or, if
// one of them is or has changed meanwhile, one by one.
func (a *Admin) moveTogether(ctx context.Context, from *Admin, marks []Mark, moved Raised) (left []Change, err error) {
	var compares []clientv3.Cmp
	var ops []clientv3.Op
	var readable []Mark
	for _, m := range marks {
		if m.Err != nil {
			left = append(left, Change{Key: m.Key, Err: fmt.Errorf("take %s over: %w", from.prefix.Counter(m.Key), m.Err)})
			continue
		}
		readable = append(readable, m)
		moved.Add(Change{Key: m.Key, Owner: m.Owner})
		c, o := a.move(from, m, Mark{Key: m.Key})
		compares, ops = append(compares, c...), append(ops, o...)
	}
	if len(readable) == 0 {
		return left, nil
	}
	resp, err := a.txn(ctx, func(txn clientv3.Txn) clientv3.Txn { return txn.If(compares...).Then(ops...) })
	if err == nil && resp.Succeeded {
		return left, nil
	}
	for _, m := range readable {
		err := a.moveOne(ctx, from, m, moved)
		if errors.Is(err, allocator.ErrUnreadable) {
			left = append(left, Change{Key: m.Key, Err: err})
		} else if err != nil {
			return left, err
		}
	}
	return left, nil
}

// move is what swaps two records of a counter, there and here, for one here.
func (a *Admin) move(from *Admin, there, here Mark) ([]clientv3.Cmp, []clientv3.Op) {
	source := record.Swap{Path: from.prefix.Counter(there.Key), Rev: there.rev}
	last := later(there, here)
	here.Periods = last.Periods
	target := a.put(here, last.Last)
	return []clientv3.Cmp{source.Compare(), target.Compare()}, []clientv3.Op{target.Put(), clientv3.OpDelete(source.Path)}
}

func (a *Admin) moveOne(ctx context.Context, from *Admin, seen Mark, moved Raised) error {
	for key := seen.Key; ; {
		there, err := from.Peek(ctx, key)
		if errors.Is(err, ErrNoRecord) {
			return nil // a transaction whose answer was lost has moved it
		}
		here, e := a.Peek(ctx, key)
		if errors.Is(e, ErrNoRecord) {
			here, e = Mark{Key: key}, nil
		}
		if err := errors.Join(err, e, there.Err, here.Err); err != nil {
			return fmt.Errorf("take %s over: %w", from.prefix.Counter(key), err)
		}
		if there.Owner != seen.Owner {
			moved.Add(Change{Key: key, Owner: there.Owner})
		}
		compares, ops := a.move(from, there, here)
		resp, err := a.txn(ctx, func(txn clientv3.Txn) clientv3.Txn { return txn.If(compares...).Then(ops...) })
		if err != nil {
			return fmt.Errorf("take %s over, which may be done: %w", from.prefix.Counter(key), err)
		}
		if resp.Succeeded {
			return nil
		}
	}
}

// PreviewJump yields what JumpMarks would do now, and changes nothing.
func (a *Admin) PreviewJump(ctx context.Context, store string, by int64) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		others := map[allocator.Key]Mark{}
		if store == "" {
			prefixes, err := a.Elsewhere(ctx)
			for _, prefix := range prefixes {
				for m, e := range a.at(prefix).List(ctx, "") {
					err = errors.Join(err, e)
					others[m.Key] = later(m, others[m.Key])
				}
			}
			if err != nil {
				yield(Change{}, err)
				return
			}
		}
		for m, err := range a.List(ctx, store) {
			if other, ok := others[m.Key]; ok && m.Err == nil {
				last := later(other, m)
				m.Last, m.Periods, m.Err = last.Last, last.Periods, other.Err
			}
			delete(others, m.Key)
			if !yield(m.Jumped(by), err) || err != nil {
				return
			}
		}
		byName := func(a, b allocator.Key) int {
			return cmp.Or(cmp.Compare(a.Store, b.Store), cmp.Compare(a.Name, b.Name))
		}
		for _, key := range slices.SortedFunc(maps.Keys(others), byName) {
			if !yield(others[key].Jumped(by), nil) {
				return
			}
		}
	}
}
