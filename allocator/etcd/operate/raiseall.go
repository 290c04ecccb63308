package operate

import (
	"context"
	"errors"
	"fmt"
	"iter"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
)

// Goal is what one of many counters is to be raised to.
type Goal struct {
	Key allocator.Key
	To  int64 // an id: the ids that follow are greater

	// Period is the one that To is of, 0 for a key that counts in none. Counted is
	// what [Admin.RaisePeriod] asks for.
	Period  allocator.Period
	Counted bool
}

// target returns what the record is to be raised to. The error says that there is
// no such id.
func (g Goal) target() (*target, error) {
	switch {
	case g.To < 0, g.Period > 0 && g.To > allocator.MaxPeriodID:
		return nil, fmt.Errorf("there is no id %d of a period that is day %d", g.To, g.Period)
	case g.Period == 0:
		return &target{to: g.To}, nil
	}
	return &target{to: g.Period.Mark(g.To), periods: true, begins: g.Counted}, nil
}

// RaiseAll raises many counters, each as [Admin.Raise] or [Admin.RaisePeriod] does,
// a hundred in one transaction. It yields what became of each, in the order of
// goals, and holds no more than one transaction's worth of them. A record that is
// not understood, or that counts in other periods, is left alone: the change's Err
// says so.
//
// An error is the last thing that it yields. The goals not yielded before may have
// been reached. Asking for all of them again is fine, because a mark is never
// lowered and never raised further than its goal, but for one that somebody owns,
// which is raised by one at least. When all were yielded it waits for the counters'
// owners, for all of them at a time: that ends with a [HeldError] or nothing.
func (a *Admin) RaiseAll(ctx context.Context, goals iter.Seq[Goal]) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		raised := Raised{}
		for c, err := range a.eachGoal(ctx, goals, a.raiseTogether) {
			raised.Add(c)
			if !yield(c, err) || err != nil {
				return
			}
		}
		if err := a.letGo(ctx, raised); err != nil {
			yield(Change{}, err)
		}
	}
}

// PreviewRaiseAll yields what RaiseAll would make of the counters now. It writes
// nothing.
func (a *Admin) PreviewRaiseAll(ctx context.Context, goals iter.Seq[Goal]) iter.Seq2[Change, error] {
	return a.eachGoal(ctx, goals, func(_ context.Context, marks []Mark, targets []*target) ([]Change, error) {
		changes := make([]Change, len(marks))
		for i, m := range marks {
			changes[i] = a.preview(m, targets[i])
		}
		return changes, nil
	})
}

// preview returns what raise would make of m.
func (a *Admin) preview(m Mark, t *target) Change {
	if m.Err != nil {
		return Change{Key: m.Key, Err: m.Err}
	}
	if err := t.aim(&m); err != nil {
		return Change{Key: m.Key, Err: err}
	}
	change := changeOf(m)
	change.Is, change.Owner = m.last(), m.Owner
	if !a.reached(m, t) {
		change.Is = t.next(m)
	}
	if m.left {
		change.Owner = ""
	}
	return change
}

// eachGoal reads the counters of goals, and has do what is to be done about those
// that were read together. No two of these are one counter.
func (a *Admin) eachGoal(ctx context.Context, goals iter.Seq[Goal], do func(context.Context, []Mark, []*target) ([]Change, error)) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		var keys []allocator.Key
		var targets []*target
		among := map[allocator.Key]bool{}
		flush := func() (more bool) {
			marks, err := a.marks(ctx, keys)
			var changes []Change
			if err == nil {
				changes, err = do(ctx, marks, targets)
			}
			for _, c := range changes {
				if !yield(c, nil) {
					return false
				}
			}
			if err != nil {
				yield(Change{}, err)
				return false
			}
			keys, targets = keys[:0], targets[:0]
			clear(among)
			return true
		}
		for g := range goals {
			t, err := g.target()
			if err != nil {
				yield(Change{}, fmt.Errorf("raise %s: %w", a.prefix.Counter(g.Key), err))
				return
			}
			if (len(keys) == jumpBatch || among[g.Key]) && !flush() {
				return
			}
			keys, targets, among[g.Key] = append(keys, g.Key), append(targets, t), true
		}
		if len(keys) > 0 {
			flush()
		}
	}
}

// marks reads counters in one transaction, and whether their owners have left. A
// counter without a record has a mark of 0. Where etcd or a proxy takes no
// transaction that large, they are read one by one.
func (a *Admin) marks(ctx context.Context, keys []allocator.Key) ([]Mark, error) {
	gets := make([]clientv3.Op, len(keys))
	for i, key := range keys {
		gets[i] = clientv3.OpGet(a.prefix.Counter(key))
	}
	marks := make([]Mark, len(keys))
	resp, err := a.txn(ctx, func(txn clientv3.Txn) clientv3.Txn { return txn.Then(gets...) })
	for i, key := range keys {
		if err == nil {
			marks[i] = Mark{Key: key}
			if kvs := resp.Responses[i].GetResponseRange().Kvs; len(kvs) > 0 {
				marks[i] = markOf(key, kvs[0].Value, kvs[0].ModRevision)
			}
			continue
		}
		m, err := a.Peek(ctx, key)
		if errors.Is(err, ErrNoRecord) {
			m, err = Mark{Key: key}, nil
		}
		if err != nil {
			return nil, err
		}
		marks[i] = m
	}
	return marks, a.findLeft(ctx, marks)
}

// raiseTogether raises marks in one transaction, or, if one of them has changed
// meanwhile, one by one. A record that can't be raised in the way that was asked
// for is left alone, and its change says so.
func (a *Admin) raiseTogether(ctx context.Context, marks []Mark, targets []*target) ([]Change, error) {
	var compares []clientv3.Cmp
	var puts []clientv3.Op
	guards := map[string]bool{} // by path: many counters share theirs
	changes := make([]Change, len(marks))
	for i, m := range marks {
		changes[i] = a.preview(m, targets[i])
		if changes[i].Err != nil || targets[i].aim(&m) != nil || a.reached(m, targets[i]) {
			continue
		}
		swap := a.put(m, changes[i].Is)
		compares, puts = swap.AppendCompares(compares), swap.AppendPuts(puts)
		for _, g := range swap.Guards {
			if !guards[g.Path] {
				guards[g.Path] = true
				compares = append(compares, g.Compare())
			}
		}
	}
	if len(puts) == 0 {
		return changes, nil
	}
	resp, err := a.txn(ctx, func(txn clientv3.Txn) clientv3.Txn { return txn.If(compares...).Then(puts...) })
	if err == nil && resp.Succeeded {
		return changes, nil
	}
	for i, m := range marks {
		if changes[i].Err != nil || targets[i].aim(&m) != nil {
			continue
		}
		c, err := a.raise(ctx, m, targets[i])
		switch _, other := errors.AsType[*PeriodError](err); {
		case errors.Is(err, allocator.ErrUnreadable), other:
			c.Err = err
		case err != nil:
			return changes[:i], err
		}
		changes[i] = c
	}
	return changes, nil
}
