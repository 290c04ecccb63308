package faults

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/allocatortest"
)

// Gates against a verdict on nothing.
const (
	minIDs    = 300 // requests that got ids, before the fault and after it
	minDuring = 50  // requests that ended while the fault lasted
	minLeased = 10  // one in so many must have been for a leased key
)

// window is a time in which requests were sent that a fault may have swallowed.
type window struct{ from, to int64 }

// evidence is what a verdict is reached on.
type evidence struct {
	asks          []ask
	ops           []allocatortest.Op // every answer with ids
	marks         map[allocator.Key]int64
	began, healed int64
	swallowed     []window
	torn          []window // in which requests were sent that two workers may have answered
	stalled       bool     // the machine stood still for so long that this may have happened at any time
	budget        budget
	loose         bool // WEAK ids of leased keys need not be in order
}

// budget bounds the ids that nobody got.
type budget struct {
	lives     int           // of workers: each may end with a batch under way and two segments of a key unspent
	workers   int           // at a time
	callers   int           // whose requests one batch may be for; 0: those of a load
	jumped    int64         // by how much an operator raised every counter
	ambiguous time.Duration // for how long etcd's answers may have been missing; 0: they were not
	tenures   int           // in which a leased key may have been owned: each may end with two windows unspent
}

// of returns the most ids of key that may be missing, where requests failed
// that many times.
//
// While etcd's answers are missing, each worker burns a batch or a segment of a
// key per attempt, and makes two of those a second at most: an attempt lasts a
// second, or is followed by a pause that soon lasts half of one. Before pauses
// have grown, and for what was under way already, there are eight more.
func (b budget) of(key allocator.Key, failed int) int64 {
	segment, batch := int64(2*segmentMax), int64(cmp.Or(b.callers, rawCallers+sdkCallers)*maxN)
	switch {
	case slices.Contains(strongKeys, key):
		segment = 0
	case slices.Contains(leasedKeys, key):
		return b.jumped + int64(failed)*maxN*2 + int64(b.tenures)*(batch+segment) + b.lost(batch+segment)
	case b.once(key): // each of the request's attempts lasts a second, if its answer is lost
		return segmentMin * int64(1+manyKeysPatience/time.Second) * int64(1+failed)
	}
	return b.jumped + int64(failed)*maxN*2 + int64(b.lives)*(batch+segment) + b.lost(batch+segment)
}

// once reports whether a key is one of many that are asked for once.
func (b budget) once(key allocator.Key) bool {
	return !slices.Contains(strongKeys, key) && !slices.Contains(leasedKeys, key) && !slices.Contains(mixedKeys, key)
}

// lost returns the most ids that went with answers of etcd's, where each attempt
// is for that many.
func (b budget) lost(each int64) int64 {
	if b.ambiguous == 0 {
		return 0
	}
	return int64(b.workers) * (8 + int64(2*b.ambiguous.Seconds())) * each
}

// verdict is what was found. An empty problem list is good.
type verdict struct {
	problems []error
	ops      int // answers with ids that were checked
	sampled  int // of them, by porcupine
	gap      int64
	unheard  int // requests never answered, all of them explained unless a problem says otherwise
	twice    int // requests answered by two workers; likewise
	repeats  string
}

// judge checks all that does not depend on the kind of fault.
func judge(e evidence) verdict {
	v := verdict{ops: len(e.ops)}
	ops := e.ops
	if !e.loose {
		ops = strictly(ops)
	}
	v.check(allocatortest.CheckUnique(ops))
	v.check(allocatortest.CheckStrong(ops))
	var err error
	v.sampled, err = checkLinearizable(ops, e.began-int64(time.Second))
	v.check(err)
	v.check(allocatortest.CheckMarks(e.ops, e.marks))
	v.checkAnswers(e)
	if len(v.problems) == 0 { // gaps of ids that are not unique mean nothing
		v.checkGaps(e)
	}
	return v
}

// strictly returns ops with those of leased keys taken for STRONG ones. Both modes
// are served from one window, so that WEAK ids are in order as well, and what is
// wrong shows in either.
func strictly(ops []allocatortest.Op) []allocatortest.Op {
	ops = slices.Clone(ops)
	for i := range ops {
		ops[i].Strong = ops[i].Strong || isLeased(ops[i].Key)
	}
	return ops
}

func (v *verdict) check(err error) {
	if err != nil {
		v.problems = append(v.problems, err)
	}
}

func (v *verdict) checkf(ok bool, format string, args ...any) {
	if !ok {
		v.problems = append(v.problems, fmt.Errorf(format, args...))
	}
}

// checkAnswers holds each request against "exactly one answer": two only where a
// worker had it in hand when its way to NATS was cut, and none only where the fault
// may have swallowed it.
func (v *verdict) checkAnswers(e evidence) {
	var errs [3]error // one of each kind will do
	for _, a := range e.asks {
		switch {
		case a.outcome == wrongAnswer || a.outcome == pending:
			errs[0] = fmt.Errorf("%s: %v", a.outcome, a.Op)
		case a.answers > 1:
			v.twice++
			if a.answers > 2 || !e.stalled && !sentIn(e.torn, a.Start) {
				errs[1] = fmt.Errorf("answered %d times: %v", a.answers, a.Op)
			}
		case a.answers == 0 && a.outcome == noAnswer && !a.call:
			v.unheard++
			if !sentIn(e.swallowed, a.Start) {
				errs[2] = fmt.Errorf("never answered, and no fault explains it: sent %v after the fault began: %v",
					time.Duration(a.Start-e.began), a.Op)
			}
		}
	}
	v.check(errors.Join(errs[:]...))
}

func sentIn(windows []window, at int64) bool {
	return slices.ContainsFunc(windows, func(w window) bool { return w.from <= at && at <= w.to })
}

func (v *verdict) checkGaps(e evidence) {
	failed := map[allocator.Key]int{}
	for _, a := range e.asks {
		if a.outcome != "" {
			failed[a.Key]++
		}
	}
	var keys, gaps int64 // of those that are asked for once
	for key, gap := range allocatortest.Gaps(e.ops, e.marks) {
		v.gap += gap
		if e.budget.once(key) {
			keys, gaps = keys+1, gaps+gap
		}
		most := e.budget.of(key, failed[key])
		v.checkf(gap <= most, "%d ids of %s/%s are missing, more than %d", gap, key.Store, key.Name, most)
	}
	// A machine that is too busy for a few of them makes no difference to them all.
	v.checkf(gaps <= segmentMin*keys, "%d ids of %d keys that were asked for once are missing", gaps, keys)
}

// gates finds evidence of too little, and a system that is not as before in the
// end. least is how many requests must have got ids before the fault, and after
// it.
func (v *verdict) gates(e evidence, f figures, least int) {
	v.checkf(f.idsBefore >= least, "only %d requests got ids before the fault", f.idsBefore)
	v.checkf(f.idsAfter >= least, "only %d requests got ids after the fault", f.idsAfter)
	v.checkf(f.leasedBefore >= least/minLeased, "only %d requests got leased ids before the fault", f.leasedBefore)
	v.checkf(f.leasedAfter >= least/minLeased, "only %d requests got leased ids after the fault", f.leasedAfter)
	v.checkf(f.during >= minDuring, "only %d requests ended during the fault", f.during)
	last := map[allocator.Key]ask{}
	for _, a := range byEnd(e.asks) {
		last[a.Key] = a
	}
	for key, a := range last {
		v.checkf(a.outcome == "", "the last request for %s/%s failed: %s", key.Store, key.Name, a.outcome)
	}
}
