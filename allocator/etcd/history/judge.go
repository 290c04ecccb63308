package history

import (
	"fmt"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// past is what a process, or the machine it runs on, knows of etcd's history. The
// zero value knows nothing.
type past struct {
	record.Incarnation       // Seen: the maxima of all answers; Fenced: of our own finding, too
	recorded           int64 // the highest rev that was read in, or written to, the record
}

// pastOf is what somebody knows who has read rec, and nothing else.
func pastOf(rec record.Incarnation) past { return past{Incarnation: rec, recorded: rec.Seen.Rev} }

// toldBy begins a fence that stands in the record.
const toldBy = "a worker found that "

// verdict is what is to be done about the record.
type verdict int

const (
	keep   verdict = iota // it agrees with what is known
	adopt                 // it is new to us, or an operator has jumped
	create                // there is none, and nothing is known of any
	wait                  // the term is too low, which may pass: see [Guard]
)

// judge holds the record (nil: none) and the header it came with against what
// was known before the transaction was sent. The error wraps
// [allocator.ErrFenced]: etcd was restored, rebuilt or replaced.
func judge(p past, rec *record.Incarnation, now record.Sight) (verdict, error) {
	fence := func(format string, args ...any) (verdict, error) {
		return keep, fmt.Errorf("%w: "+format, append([]any{allocator.ErrFenced}, args...)...)
	}
	switch {
	case rec == nil && p.Lineage == "":
		return create, nil
	case rec == nil:
		return fence("etcd has lost the record of store %s: it was wiped, restored or replaced", p.Lineage)
	case rec.Fenced != "":
		return fence(toldBy+"%s", rec.Fenced)
	case p.Lineage == "" || rec.Epoch > p.Epoch:
		p = pastOf(*rec)
		if err := goesOn(p.Seen, now); err != nil {
			return keep, err
		}
		if now.Term < p.Seen.Term {
			return wait, nil
		}
		return adopt, nil
	case rec.Epoch < p.Epoch:
		return fence("etcd's epoch fell from %d to %d: it was restored to before a jump", p.Epoch, rec.Epoch)
	case rec.Lineage != p.Lineage:
		return fence("etcd holds store %s in place of %s: it was replaced", rec.Lineage, p.Lineage)
	case p.Fenced != "":
		return fence("%s", p.Fenced)
	case rec.Seen.Rev < p.recorded:
		return fence("the incarnation fell from revision %d to %d: etcd was restored", p.recorded, rec.Seen.Rev)
	case rec.Seen.Cluster != p.Seen.Cluster:
		return fence("the incarnation fell from etcd cluster %x to %x", p.Seen.Cluster, rec.Seen.Cluster)
	}
	p.Seen = p.Seen.And(rec.Seen)
	if err := goesOn(p.Seen, now); err != nil {
		return keep, err
	}
	if now.Term < p.Seen.Term {
		return wait, nil
	}
	return keep, nil
}

// goesOn holds an answer's header against the maxima known when its transaction
// was sent, the term aside.
func goesOn(was, now record.Sight) error {
	switch {
	case now.Cluster != was.Cluster:
		return fmt.Errorf("%w: etcd cluster %x was replaced by %x", allocator.ErrFenced, was.Cluster, now.Cluster)
	case now.Rev < was.Rev:
		return fmt.Errorf("%w: etcd's revision fell from %d to %d", allocator.ErrFenced, was.Rev, now.Rev)
	}
	return nil
}

// merge returns what p and other know together. They are of one etcd; where they
// are not of one lineage and epoch, the greater epoch counts, and then p.
func (p past) merge(other past) past {
	switch {
	case p.Lineage == "" || other.Epoch > p.Epoch:
		return other
	case other.Lineage != p.Lineage || other.Epoch < p.Epoch:
		return p
	}
	p.Seen = p.Seen.And(other.Seen)
	p.recorded = max(p.recorded, other.recorded)
	p.Floor = max(p.Floor, other.Floor)
	if p.Fenced == "" {
		p.Fenced = other.Fenced
	}
	return p
}
