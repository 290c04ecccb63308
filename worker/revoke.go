package worker

import "github.com/seqd-io/seqd/allocator"

// Revoker is a Counter that can take back what it has reserved: etcd's.
type Revoker interface {
	allocator.Counter

	// OnRevoke has f called when ids that were reserved so far must not be
	// issued any more. It is called before the Counter is used.
	OnRevoke(f func())
}

// revoke drops the ids in memory, and who is believed to be winning: an advance
// that is handed over would not be held against what our Counter knows.
func (b *backend) revoke() {
	b.weak.Forget()
	if b.peers != nil {
		b.peers.ForgetRivals()
	}
	b.probeSoon() // and so the queue group is left, if it must be
}
