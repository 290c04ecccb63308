package history

import (
	"context"
	"fmt"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Diagnosis is where an etcd's history stands, and how that agrees with the
// record and with what this machine remembers.
type Diagnosis struct {
	record.Incarnation // the record; its Lineage is "" where there is none

	Now        record.Sight // where etcd's history is
	StateFiles []string     // what this machine remembers of it
	Fence      *Fence       // why workers that know as much would answer FENCED; nil: they would not
}

// Diagnose judges etcd's history as a worker does that starts with that
// configuration, by the same transaction, which writes nothing.
//
// The error is an [allocator.ErrUnavailable] where no write would be accepted,
// an [allocator.ErrUnreadable] where the record is not understood; it may be a
// state file's, too.
func Diagnose(ctx context.Context, kv clientv3.KV, config Config) (d Diagnosis, err error) {
	g := Guard{memory: config.memory(), reader: reader{kv: kv, prefix: config.Prefix}}
	memories, err := g.memory.recall() // before the read: what is known then must not be later
	if err != nil {
		return d, err
	}
	f, err := g.reader.read(ctx)
	if err != nil {
		return d, err
	}
	d.Now = f.now
	if f.rec != nil {
		d.Incarnation = *f.rec
	}
	m := memories.against(f.rec, g.memory.here)
	d.StateFiles = m.files
	what, err := f.judge(m.past)
	if what == wait {
		err = fmt.Errorf("%w: raft's term is %d and was %d", allocator.ErrFenced, f.now.Term, max(m.Seen.Term, f.rec.Seen.Term))
	}
	if err != nil {
		d.Fence = g.fenceOf(err, m.Lineage, f)
	}
	return d, nil
}
