package etcd

import (
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
)

// part is what an attempt of an advance is for, of the advance's Answers: as many
// as fit into a transaction, or as are left. The advance's other ids come with the
// last part.
type part struct {
	of     []int            // indices of answers that are not settled
	whole  bool             // there are no others
	looked int              // the answers before this one have been looked up
	lease  clientv3.LeaseID // that they end with
}

// choose makes a part of the answers from an index on, and returns how many ids
// the attempt needs. Of two with one key the second waits for another part, which
// finds out what the first one got.
func (d *drive) choose(from int) (n int) {
	p := &d.part
	p.of, p.whole = p.of[:0], true
	most := 0
	for i := from; i < len(d.a.Answers); i++ {
		a := &d.a.Answers[i]
		if a.Settled() {
			continue
		}
		if most == 0 {
			most = d.c.answers.together()
		}
		if len(p.of) == most || d.chosen(a.Key) {
			p.whole = false
			continue
		}
		p.of = append(p.of, i)
		n += a.N
	}
	if p.whole {
		n += d.a.N
	}
	return n
}

func (d *drive) chosen(key string) bool {
	for _, i := range d.part.of {
		if d.a.Answers[i].Key == key {
			return true
		}
	}
	return false
}

// unlooked chooses answers of which it is not known whether they are there, for an
// advance that there are no ids for. It returns false if there are none.
func (d *drive) unlooked() bool {
	d.choose(d.part.looked)
	return len(d.part.of) > 0
}

// lookUp has the answers of the part read.
func (d *drive) lookUp() {
	for _, i := range d.part.of {
		d.swap.News = append(d.swap.News, record.New{Path: d.path(i)})
		d.part.looked = i + 1
	}
}

func (d *drive) path(i int) string { return d.c.prefix.Answer(d.a.Key, d.a.Answers[i].Key) }

// answer adds the answers of the part to the swap, in the order of their ids. It
// returns false if there is no lease for them yet: then the attempt is made anew
// when there is one.
func (d *drive) answer(periods bool) bool {
	window := d.a.Answers[d.part.of[0]].Window
	lease := d.c.answers.of(window, len(d.part.of), func(err error) {
		if err != nil {
			d.later(err)
		} else {
			d.attempt()
		}
	})
	if lease == 0 {
		return false
	}
	d.part.lease = lease
	d.share(func(i int, ids allocator.Range) {
		value := record.Answer{IDs: ids, Weak: d.a.Answers[i].Weak, Periods: periods}.Encode()
		d.swap.News = append(d.swap.News, record.New{Path: d.path(i), Value: value, Lease: lease})
	})
	return true
}

// answered settles the answers of an attempt that was won, and returns the ids
// that are left.
func (d *drive) answered() allocator.Range {
	return d.share(func(i int, ids allocator.Range) { d.a.Answers[i].IDs = ids })
}

// share cuts the ids of an attempt up among the answers of the part, in their
// order, and returns what is left.
func (d *drive) share(to func(i int, ids allocator.Range)) (rest allocator.Range) {
	rest = d.ids
	for _, i := range d.part.of {
		n := d.a.Answers[i].N
		to(i, allocator.Range{First: rest.First, N: n})
		rest.First, rest.N = rest.First+int64(n), rest.N-n
	}
	return rest
}

// settle settles the answers that were found to be there, and reports whether any
// was. One that was made after a record which this process has seen has ids above
// that record's: if not, etcd went back in between, and they were issued before.
func (d *drive) settle(found []*mvccpb.KeyValue) (any bool, err error) {
	known := d.c.belief(d.a.Key)
	for j, kv := range found {
		if kv == nil {
			continue
		}
		rec, err := record.DecodeAnswer(kv.Value)
		if err != nil {
			return any, err
		}
		if known.rev > 0 { // else it is not known since when
			if err := known.fallen(rec.IDs.First-1, kv.CreateRevision); err != nil {
				return any, err
			}
		}
		a := &d.a.Answers[d.part.of[j]]
		switch {
		case rec.IDs.N != a.N || rec.Weak != a.Weak:
			a.Reused = true
		default:
			a.IDs, a.Replayed = rec.IDs, true
		}
		any = true
	}
	return any, nil
}

// unsettle leaves the answers that were found to the owner of the key: perhaps it
// does not know of them, and holds lower ids, which nobody may get once they are told.
func (d *drive) unsettle() {
	for i := range d.a.Answers {
		if a := &d.a.Answers[i]; a.Replayed {
			a.IDs, a.Replayed = allocator.Range{}, false
		}
	}
}

// refitted reports whether an attempt that failed with err can be made anew at
// once: etcd has refused it, for it was too large, or its answers' lease was not
// known.
func (d *drive) refitted(err error) bool {
	n := len(d.part.of)
	if n == 0 || !refused(err) {
		return false
	}
	if record.TooLarge(err) && n > 1 {
		d.c.answers.fewer(n)
		return true
	}
	return d.c.answers.unknown(err, d.a.Answers[d.part.of[0]].Window, d.part.lease)
}
