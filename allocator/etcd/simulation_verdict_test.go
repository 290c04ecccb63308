package etcd_test

import (
	"errors"
	"fmt"
	"math"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// mark returns what key's record says.
func (w *world) mark(key allocator.Key) int64 { return recordIn(w.server.Value(pathOf(key))).Last }

func (w *world) seed(key allocator.Key, last int64) {
	record := fmt.Appendf(nil, `{"fmt":1,"last":%d,"by":"seed"}`, last)
	if _, err := w.server.Put(&pb.PutRequest{Key: []byte(pathOf(key)), Value: record}); err != nil {
		w.t.Fatal(err)
	}
}

// verdict checks what has happened against the promises.
func (w *world) verdict() {
	for _, a := range w.asked {
		if n := a.answers.Load(); n != 1 && !(n == 0 && a.died.Load()) && !(n > 1 && a.mayRepeat.Load()) {
			w.t.Errorf("%d answers for %v, want 1", n, a.op)
		}
	}
	ops := w.onceOps(w.history.Ops())
	if w.plan.kind == rewound && w.plan.workers > 1 && w.plan.cluster == 1 {
		w.verdictPerWorker(ops)
		return
	}
	for _, check := range []func([]allocatortest.Op) error{allocatortest.CheckUnique, w.checkStrong, allocatortest.CheckWeak} {
		if err := check(ops); err != nil {
			w.t.Error(err)
		}
	}
	if w.plan.kind == rewound {
		return
	}
	w.verdictOnce()
	issued := map[allocator.Key]int64{}
	for _, op := range ops {
		issued[op.Key] += int64(op.Ids.N)
		if mark := w.mark(op.Key); mark < op.Ids.Last() {
			w.t.Errorf("%v, but the mark is at %d", op, mark)
		}
	}
	w.verdictExhausted()
	w.verdictOwners()
	gaps := 0
	for _, key := range w.plan.keys {
		gaps += w.verdictMarks(key)
		if w.plan.strong && !w.plan.leased(key) && !w.plan.numbered(key) && w.mark(key)-w.least(key) != issued[key] && issued[key] > 0 {
			w.t.Errorf("%v: %d ids issued without faults, and the mark went from %d to %d", key, issued[key], w.least(key), w.mark(key))
		}
	}
	w.tally.n["gap"].Add(int64(gaps))
	// What is sent twice is lost to itself the second time, for each of its keys.
	twice := int(w.tally.n["sent twice"].Load()) * len(w.plan.keys)
	if budget := int(w.tally.n["ambiguous puts"].Load()) + w.failed + twice; gaps > budget {
		w.t.Errorf("%d gaps, and only %d advances went wrong", gaps, budget)
	}
}

// verdictPerWorker: what a worker knows, it never forgets. That another worker,
// which had seen less of etcd's history, issues ids again after a rewind is
// beyond what workers can tell from memory alone.
func (w *world) verdictPerWorker(ops []allocatortest.Op) {
	byWorker := map[int][]allocatortest.Op{}
	for _, op := range ops {
		byWorker[op.Worker] = append(byWorker[op.Worker], op)
	}
	for _, ops := range byWorker {
		if err := errors.Join(allocatortest.CheckUnique(ops), allocatortest.CheckWeak(ops)); err != nil {
			w.t.Error(err)
		}
	}
}

func (w *world) least(key allocator.Key) int64 { return max(w.plan.starts[key], w.plan.floors[key]) }

// verdictMarks: every put of a record raises it, by as many ids as some advance
// asked for, but for an owner's that lets others have the key. It returns how many puts no advance has returned.
func (w *world) verdictMarks(key allocator.Key) (gaps int) {
	last, owner := int64(0), ""
	for i, write := range w.server.Writes() {
		if write.Path != pathOf(key) {
			continue
		}
		rec := recordIn(write.Value)
		mark, was := rec.Last, owner
		owner = rec.Owner
		if was != "" && rec.Owner == "" && rec.By == was && mark <= last {
			w.tally.add("released")
			if mark < last {
				w.tally.add("given back")
			}
			last = mark
			continue
		}
		_, seeded := w.plan.starts[key]
		if rec.Periods {
			w.verdictPeriod(key, last, mark)
		}
		answered, returned := w.recordedWith(key, write.Rev)
		switch by := mark - max(last, w.plan.floor(key, mark)) - int64(answered); {
		case i < len(w.plan.starts) && seeded:
			last = mark
			continue
		case mark <= last:
			w.t.Errorf("%v: the mark went from %d to %d at revision %d", key, last, mark, write.Rev)
		case answered > 0 && by == 0:
		case by > math.MaxInt32 || !w.sizes[key][int(by)]:
			w.t.Errorf("%v: the mark went from %d to %d, and no advance by %d was asked for beside the %d of answers", key, last, mark, by, answered)
		}
		w.tally.add("record written")
		if _, ok := w.returned[key][mark]; !ok && !returned {
			gaps++
		}
		last = mark
	}
	return gaps
}

// verdictExhausted: EXHAUSTED is true, and stays so, unless an owner gives ids
// back.
func (w *world) verdictExhausted() {
	for _, a := range w.asked {
		if errors.Is(a.err, allocator.ErrExhausted) && !w.plan.leased(a.op.Key) && !w.hadFewer(a.op.Key, a.n) {
			w.t.Errorf("%v: exhausted for %d ids, but the mark is at %d", a.op, a.n, w.mark(a.op.Key))
		}
	}
}
