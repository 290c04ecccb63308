package etcd

import (
	"fmt"
	"sync"

	"go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/seqd-io/seqd/allocator"
)

// guard watches that etcd's history only goes forward, as far as this process
// has seen it: one cluster, and a revision that never falls. A restored backup
// or a replaced cluster would issue ids again.
//
// Answers overtake each other, so a revision is held against the highest one
// known when its transaction was sent.
type guard struct {
	mu      sync.Mutex
	cluster uint64 // 0: none seen yet
	highest int64  // revision
	fenced  error  // final: set once, for good
}

// begin returns the highest revision known, before a transaction is sent.
func (g *guard) begin() (highest int64, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.highest, g.fenced
}

// end checks the header of a transaction's answer; wrote says whether it put
// anything: then its revision is a new one, above all that were known. After an
// error no range of that transaction, or of any later one, may be used.
func (g *guard) end(sent int64, h *etcdserverpb.ResponseHeader, wrote bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.fenced != nil:
	case g.cluster != 0 && h.ClusterId != g.cluster:
		g.fenced = fmt.Errorf("%w: etcd cluster %x was replaced by %x", allocator.ErrFenced, g.cluster, h.ClusterId)
	case h.Revision < sent:
		g.fenced = fmt.Errorf("%w: etcd's revision fell from %d to %d", allocator.ErrFenced, sent, h.Revision)
	case h.Revision == sent && wrote:
		g.fenced = fmt.Errorf("%w: etcd's revision %d came twice", allocator.ErrFenced, sent)
	default:
		g.cluster, g.highest = h.ClusterId, max(g.highest, h.Revision)
	}
	return g.fenced
}
