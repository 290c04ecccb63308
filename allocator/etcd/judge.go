package etcd

import (
	"fmt"

	"github.com/seqd-io/seqd/allocator"
)

// known is what a process, or the machine it runs on, knows of the history. The
// zero value knows nothing.
type known struct {
	incarnation        // its sight: the maxima of all answers
	recorded    int64  // the highest rev that was read in, or written to, the record
	fenced      string // why the history was found to have gone backwards; "": it was not
}

// toldBy begins a fence that stands in the record.
const toldBy = "a worker found that "

// verdict is what is to be done about the record.
type verdict int

const (
	keep   verdict = iota // it agrees with what is known
	adopt                 // it is new to us, or an operator has jumped
	create                // there is none, and nothing is known of any
	wait                  // the term is too low, which may pass: see [guard]
)

// judge holds the record (nil: none) and the header it came with against what
// was known before the transaction was sent. The error wraps
// [allocator.ErrFenced]: etcd was restored, rebuilt or replaced.
func judge(k known, rec *incarnation, now sight) (verdict, error) {
	fence := func(format string, args ...any) (verdict, error) {
		return keep, fmt.Errorf("%w: "+format, append([]any{allocator.ErrFenced}, args...)...)
	}
	switch {
	case rec == nil && k.store == "":
		return create, nil
	case rec == nil:
		return fence("etcd has lost the record of store %s: it was wiped, restored or replaced", k.store)
	case rec.told != "":
		return fence(toldBy+"%s", rec.told)
	case k.store == "" || rec.epoch > k.epoch:
		k = known{incarnation: *rec, recorded: rec.seen.rev}
		if err := k.check(now); err != nil {
			return keep, err
		}
		if now.term < k.seen.term {
			return wait, nil
		}
		return adopt, nil
	case rec.epoch < k.epoch:
		return fence("etcd's epoch fell from %d to %d: it was restored to before a jump", k.epoch, rec.epoch)
	case rec.store != k.store:
		return fence("etcd holds store %s in place of %s: it was replaced", rec.store, k.store)
	case k.fenced != "":
		return fence("%s", k.fenced)
	case rec.seen.rev < k.recorded:
		return fence("the incarnation fell from revision %d to %d: etcd was restored", k.recorded, rec.seen.rev)
	case rec.seen.cluster != k.seen.cluster:
		return fence("the incarnation fell from etcd cluster %x to %x", k.seen.cluster, rec.seen.cluster)
	}
	k.seen = k.seen.and(rec.seen)
	if err := k.check(now); err != nil {
		return keep, err
	}
	if now.term < k.seen.term {
		return wait, nil
	}
	return keep, nil
}

// check holds an answer's header against the maxima known when its transaction
// was sent, the term aside.
func (k known) check(now sight) error {
	switch {
	case now.cluster != k.seen.cluster:
		return fmt.Errorf("%w: etcd cluster %x was replaced by %x", allocator.ErrFenced, k.seen.cluster, now.cluster)
	case now.rev < k.seen.rev:
		return fmt.Errorf("%w: etcd's revision fell from %d to %d", allocator.ErrFenced, k.seen.rev, now.rev)
	}
	return nil
}

// merge returns what k and other know together. They are of one etcd; where they
// are not of one store and epoch, the greater epoch counts, and then k.
func (k known) merge(other known) known {
	switch {
	case k.store == "" || other.epoch > k.epoch:
		return other
	case other.store != k.store || other.epoch < k.epoch:
		return k
	}
	k.seen = k.seen.and(other.seen)
	k.recorded = max(k.recorded, other.recorded)
	k.floor = max(k.floor, other.floor)
	if k.fenced == "" {
		k.fenced = other.fenced
	}
	return k
}
