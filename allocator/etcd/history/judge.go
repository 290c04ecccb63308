package history

import (
	"fmt"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// known is what a process, or the machine it runs on, knows of the history. The
// zero value knows nothing.
type known struct {
	record.Incarnation        // its sight: the maxima of all answers
	recorded           int64  // the highest rev that was read in, or written to, the record
	fenced             string // why the history was found to have gone backwards; "": it was not
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
func judge(k known, rec *record.Incarnation, now record.Sight) (verdict, error) {
	fence := func(format string, args ...any) (verdict, error) {
		return keep, fmt.Errorf("%w: "+format, append([]any{allocator.ErrFenced}, args...)...)
	}
	switch {
	case rec == nil && k.Store == "":
		return create, nil
	case rec == nil:
		return fence("etcd has lost the record of store %s: it was wiped, restored or replaced", k.Store)
	case rec.Told != "":
		return fence(toldBy+"%s", rec.Told)
	case k.Store == "" || rec.Epoch > k.Epoch:
		k = known{Incarnation: *rec, recorded: rec.Seen.Rev}
		if err := k.check(now); err != nil {
			return keep, err
		}
		if now.Term < k.Seen.Term {
			return wait, nil
		}
		return adopt, nil
	case rec.Epoch < k.Epoch:
		return fence("etcd's epoch fell from %d to %d: it was restored to before a jump", k.Epoch, rec.Epoch)
	case rec.Store != k.Store:
		return fence("etcd holds store %s in place of %s: it was replaced", rec.Store, k.Store)
	case k.fenced != "":
		return fence("%s", k.fenced)
	case rec.Seen.Rev < k.recorded:
		return fence("the incarnation fell from revision %d to %d: etcd was restored", k.recorded, rec.Seen.Rev)
	case rec.Seen.Cluster != k.Seen.Cluster:
		return fence("the incarnation fell from etcd cluster %x to %x", k.Seen.Cluster, rec.Seen.Cluster)
	}
	k.Seen = k.Seen.And(rec.Seen)
	if err := k.check(now); err != nil {
		return keep, err
	}
	if now.Term < k.Seen.Term {
		return wait, nil
	}
	return keep, nil
}

// check holds an answer's header against the maxima known when its transaction
// was sent, the term aside.
func (k known) check(now record.Sight) error {
	switch {
	case now.Cluster != k.Seen.Cluster:
		return fmt.Errorf("%w: etcd cluster %x was replaced by %x", allocator.ErrFenced, k.Seen.Cluster, now.Cluster)
	case now.Rev < k.Seen.Rev:
		return fmt.Errorf("%w: etcd's revision fell from %d to %d", allocator.ErrFenced, k.Seen.Rev, now.Rev)
	}
	return nil
}

// merge returns what k and other know together. They are of one etcd; where they
// are not of one store and epoch, the greater epoch counts, and then k.
func (k known) merge(other known) known {
	switch {
	case k.Store == "" || other.Epoch > k.Epoch:
		return other
	case other.Store != k.Store || other.Epoch < k.Epoch:
		return k
	}
	k.Seen = k.Seen.And(other.Seen)
	k.recorded = max(k.recorded, other.recorded)
	k.Floor = max(k.Floor, other.Floor)
	if k.fenced == "" {
		k.fenced = other.fenced
	}
	return k
}
