package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
)

// recordSpacing is how often the maxima are written into the record, unless
// raft's term has changed.
const recordSpacing = time.Minute

// wayOut ends what is said of a fence.
const wayOut = "raise the counters above every issued id with: seqd admin jump --all --by N"

// check reads the incarnation, by a transaction that goes all the way, through
// consensus, quota and permissions, and holds it against what is known: in this
// process, or on this machine if this is the first time. The first worker of
// all creates it. Every recordSpacing, and when raft's term has changed, check
// writes the maxima into it.
//
// It is also the way out of a fence: where an operator has raised the epoch, it
// takes the record for the truth.
//
// check blocks until ctx ends at most. It is safe for concurrent use; one runs
// at a time.
func (g *guard) check(ctx context.Context) error {
	return g.alone(ctx, func() error { return g.checkAlone(ctx) })
}

// checkOnce is check, unless the record has been read before or the guard is
// fenced.
func (g *guard) checkOnce(ctx context.Context) error {
	return g.alone(ctx, func() error {
		if _, err := g.begin(); !errors.Is(err, errUnread) {
			return err
		}
		return g.checkAlone(ctx)
	})
}

func (g *guard) alone(ctx context.Context, f func() error) error {
	select {
	case g.checking <- struct{}{}:
		defer func() { <-g.checking }()
		return f()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", allocator.ErrUnavailable, context.Cause(ctx))
	}
}

func (g *guard) checkAlone(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), attemptTimeout)
	defer cancel()
	for {
		if again, err := g.checkNow(ctx); err != nil || !again {
			return err
		}
	}
}

// checkNow checks once. again says that another worker has made the record
// meanwhile, which is there to be read now.
func (g *guard) checkNow(ctx context.Context) (again bool, err error) {
	s, k, memories, first, err := g.start()
	if err != nil {
		return false, err
	}
	f, err := g.read(ctx)
	if err != nil {
		return false, err
	}
	if first {
		k = memories.against(f.rec, g.memory.here).known
	}
	what, err := f.judge(k)
	if err != nil {
		if k.store == "" && f.rec != nil && errors.Is(err, allocator.ErrFenced) {
			k = known{incarnation: *f.rec, recorded: f.rec.seen.rev} // so that this machine remembers, too
		}
		err = g.fenceFor(err, k)
		f = g.tell(ctx, f, k, first, err)
		return false, g.explain(err, f)
	}
	if what == keep && g.outlived(f.rec.epoch) {
		what = adopt
	}
	switch what {
	case create:
		return g.create(ctx, f.now)
	case wait:
		g.mu.Lock()
		err := g.termLocked(s, f.now.term, max(k.seen.term, f.rec.seen.term))
		g.mu.Unlock()
		return false, g.explain(g.fenceFor(err, k), f)
	case adopt:
		if g.adopt(*f.rec, f.now) || k.store != "" {
			g.log.Info("etcd's epoch was raised: going on", "incarnation", f.rec.store, "epoch", f.rec.epoch, "floor", f.rec.floor)
		}
	default:
		if err := g.agreed(k, *f.rec, f.now); err != nil {
			return false, g.explain(err, f)
		}
	}
	return false, g.record(ctx, f.kv, *f.rec)
}

// start returns what check holds the record against: k, or, where first tells
// that this process has no knowledge of its own yet, one of what this machine
// remembers. That is read before the record is, for it must not be later.
func (g *guard) start() (s sending, k known, memories recollection, first bool, err error) {
	g.mu.Lock()
	s = sending{gen: g.gen.Load(), seen: g.known.seen, at: time.Now()}
	k, first = g.known, !g.open.Load()
	fenced := g.fenced
	g.mu.Unlock()
	if !first {
		return s, k, nil, false, nil
	}
	memories, err = g.memory.recall()
	if err != nil && fenced != nil {
		return s, k, nil, true, g.explain(fenced, found{}) // deleting the file would be a way out; losing it is none
	}
	if err != nil {
		g.complain(err)
	}
	return s, k, memories, true, nil
}

// found is what check has read.
type found struct {
	kv    *mvccpb.KeyValue // of the record; nil: there is none
	rec   *incarnation     // the same
	now   sight            // where etcd's history is
	other string           // a counter at another spelling of the prefix; "": none
}

// judge is [judge], and finds counters elsewhere, too.
func (f found) judge(k known) (verdict, error) {
	what, err := judge(k, f.rec, f.now)
	if f.other != "" && (f.rec == nil || f.rec.told == "") {
		return keep, foundElsewhere(f.other)
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
func (g *guard) lookHereAlone() {
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
func (g *guard) read(ctx context.Context) (found, error) {
	probe := g.prefix + probePath
	ops := []clientv3.Op{clientv3.OpGet(g.prefix + incarnationPath)}
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
				return found{}, advise(fmt.Errorf("%w: look for counters elsewhere: %w", allocator.ErrUnavailable, err), err)
			}
			f.note(resp.Get().Kvs)
		}
	default:
		ops = append(ops, lookElsewhere(g.prefix)...)
	}
	resp, err := g.kv.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(probe), "=", impossibleRev)).
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
	case tooLarge(err) && len(ops) > 1: // etcd's --max-txn-ops is 1 or 2
		g.apart = true
		return g.read(ctx)
	case err != nil:
		return found{}, advise(fmt.Errorf("%w: read etcd's incarnation: %w", allocator.ErrUnavailable, err), err)
	case resp.Succeeded:
		return found{}, fmt.Errorf("%w: a compare that can't hold held", allocator.ErrUnavailable)
	}
	f.now = sightOf(resp.Header)
	for _, r := range resp.Responses[1:] {
		f.note(r.GetResponseRange().Kvs)
	}
	if kvs := resp.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
		rec, err := decodeIncarnation(kvs[0].Value)
		if err != nil {
			return f, err
		}
		f.kv, f.rec = kvs[0], &rec
	}
	return f, nil
}

// create makes the first record. again says that another worker was faster.
func (g *guard) create(ctx context.Context, now sight) (again bool, err error) {
	rec := incarnation{store: newUUID(), seen: now}
	path := g.prefix + incarnationPath
	// Not in the transaction: some etcds take one operation only (--max-txn-ops).
	// Nobody makes a counter while there is no incarnation.
	counters, err := g.kv.Get(ctx, g.prefix+countersPath, clientv3.WithPrefix(), clientv3.WithLimit(1), clientv3.WithKeysOnly())
	if err != nil {
		return false, advise(fmt.Errorf("%w: look for counters: %w", allocator.ErrUnavailable, err), err)
	}
	resp, err := g.kv.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(path), "=", 0)).
		Then(clientv3.OpPut(path, rec.encode())).
		Commit()
	switch {
	case err != nil:
		return false, advise(fmt.Errorf("%w: write etcd's incarnation, which may be there now: %w", allocator.ErrUnavailable, err), err)
	case !resp.Succeeded:
		return true, nil
	}
	if len(counters.Kvs) > 0 {
		g.log.Warn("counters were there without an incarnation: taking them as they are", "prefix", g.prefix, "incarnation", rec.store,
			"hint", "fine after an upgrade; if etcd was restored, "+wayOut)
	}
	g.adopt(rec, now)
	g.recorded = time.Now()
	g.rememberKnown()
	return false, nil
}

// record writes the maxima into the record, which is rec in kv, if it is time,
// and to this machine.
func (g *guard) record(ctx context.Context, kv *mvccpb.KeyValue, rec incarnation) error {
	defer g.rememberKnown()
	g.mu.Lock()
	now := rec
	now.seen = g.known.seen
	g.mu.Unlock()
	if now.seen.term == rec.seen.term && !g.recorded.IsZero() && time.Since(g.recorded) < recordSpacing {
		return nil
	}
	replaced, err := g.replace(ctx, kv, now)
	if err != nil {
		return err
	}
	if replaced {
		g.mu.Lock()
		g.known.recorded = max(g.known.recorded, now.seen.rev)
		g.mu.Unlock()
	} // else another worker has written it, or an operator: the next check reads it
	g.recorded = time.Now()
	return nil
}

// replace writes rec in place of kv, unless somebody else has written since kv
// was read.
func (g *guard) replace(ctx context.Context, kv *mvccpb.KeyValue, rec incarnation) (replaced bool, err error) {
	path := string(kv.Key)
	resp, err := g.kv.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(path), "=", kv.ModRevision)).
		Then(clientv3.OpPut(path, rec.encode())).
		Commit()
	if err != nil {
		return false, fmt.Errorf("%w: write etcd's incarnation: %w", allocator.ErrUnavailable, err)
	}
	return resp.Succeeded, nil
}

// rememberKnown saves what is known to the state file.
func (g *guard) rememberKnown() {
	g.mu.Lock()
	k, open := g.known, g.open.Load()
	g.mu.Unlock()
	if open {
		g.remember(k)
	}
}

func (g *guard) remember(k known) {
	if err := g.memory.save(k); err != nil {
		g.complain(err)
	}
}

// complain says once that the guard goes on without a memory.
func (g *guard) complain(err error) {
	g.unsaved.Do(func() {
		g.log.Warn("can't remember etcd's history on this machine: a worker that starts after etcd was restored may not notice", "err", err,
			"hint", "--state-dir must be a folder that this user can write to, with files that this version understands; none does without")
	})
}

// explain adds the way out to a fence.
func (g *guard) explain(err error, f found) error {
	if !errors.Is(err, allocator.ErrFenced) {
		return err
	}
	g.mu.Lock()
	store := g.known.store
	g.mu.Unlock()
	return fmt.Errorf("%w; %s", err, g.waysOut(store, f))
}

// waysOut says what an operator can do about a fence. To forget all is none where
// there are counters elsewhere.
func (g *guard) waysOut(store string, f found) string {
	if f.other != "" {
		return wayOut
	}
	memories, _ := g.memory.recall()
	var forget []string
	if files := memories.about(store, g.memory.here); len(files) > 0 {
		forget = append(forget, "delete "+strings.Join(files, " and "))
	}
	if f.recordFences() {
		forget = append(forget, "etcdctl del "+g.prefix+incarnationPath)
	}
	if len(forget) == 0 {
		return wayOut
	}
	return wayOut + "; or, only if the ids issued so far truly don't matter, stop the workers, " + strings.Join(forget, ", ") + ", and start them"
}
