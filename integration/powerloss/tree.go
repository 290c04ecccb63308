package powerloss

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"time"
)

// tree is what stands on a disk, and what of it would survive. It is safe for
// concurrent use.
type tree struct {
	mu      sync.Mutex
	root    *node
	last    uint64        // id that was given to a node
	pending []rename      // of entries, that were not synced; in order
	off     chan struct{} // closed while there is no power
}

func newTree() *tree {
	t := &tree{off: make(chan struct{})}
	t.root = t.newNodeLocked(syscall.S_IFDIR | 0o755)
	return t
}

func (t *tree) newNodeLocked(mode uint32) *node {
	t.last++
	n := &node{id: t.last, mode: mode, changed: time.Now()}
	if n.folder() {
		n.entries, n.kept = map[string]*node{}, map[string]*node{}
	}
	return n
}

// poweredLocked reports whether anything can be done at all.
func (t *tree) poweredLocked() bool {
	select {
	case <-t.off:
		return false
	default:
		return true
	}
}

// powerOff has everything that is done from now on fail, and every sync that has not
// ended.
func (t *tree) powerOff() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.poweredLocked() {
		close(t.off)
	}
}

func (n *node) folder() bool { return n.mode&syscall.S_IFMT == syscall.S_IFDIR }

// make makes a file or a folder that there must not be.
func (t *tree) make(in *node, name string, mode uint32) (*node, syscall.Errno) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case !t.poweredLocked():
		return nil, syscall.EIO
	case in.entries[name] != nil:
		return nil, syscall.EEXIST
	}
	n := t.newNodeLocked(mode)
	t.renameLocked(rename{to: in, toName: name, child: n})
	return n, 0
}

// remove takes an entry away: of a file, or of an empty folder.
func (t *tree) remove(in *node, name string, folder bool) syscall.Errno {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := in.entries[name]
	switch {
	case !t.poweredLocked():
		return syscall.EIO
	case n == nil:
		return syscall.ENOENT
	case folder && !n.folder():
		return syscall.ENOTDIR
	case !folder && n.folder():
		return syscall.EISDIR
	case len(n.entries) > 0:
		return syscall.ENOTEMPTY
	}
	t.renameLocked(rename{from: in, fromName: name})
	return 0
}

// move renames from's entry.
func (t *tree) move(from *node, fromName string, to *node, toName string) syscall.Errno {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, old := from.entries[fromName], to.entries[toName]
	switch {
	case !t.poweredLocked():
		return syscall.EIO
	case n == nil:
		return syscall.ENOENT
	case old == n:
		return 0
	case old != nil && n.folder() && !old.folder():
		return syscall.ENOTDIR
	case old != nil && !n.folder() && old.folder():
		return syscall.EISDIR
	case old != nil && len(old.entries) > 0:
		return syscall.ENOTEMPTY
	}
	t.renameLocked(rename{from: from, fromName: fromName, to: to, toName: toName, child: n})
	return 0
}

func (t *tree) renameLocked(r rename) {
	r.apply(entriesNow)
	t.pending = append(t.pending, r)
}

// sync makes what stands in n durable, data or entries, after the time that it takes.
func (t *tree) sync(n *node, takes time.Duration) syscall.Errno {
	t.mu.Lock()
	off := t.off
	t.mu.Unlock()
	select {
	case <-off:
	case <-time.After(takes):
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.poweredLocked() {
		return syscall.EIO
	}
	if !n.folder() {
		n.sync()
		return 0
	}
	var durable []rename
	durable, t.pending = sift(t.pending, n)
	for _, r := range durable {
		r.apply(entriesDurable)
	}
	return 0
}

// settle makes everything durable.
func (t *tree) settle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.pending {
		r.apply(entriesDurable)
	}
	t.pending = nil
	for _, n := range t.durableLocked() {
		n.sync()
	}
}

// Loss is what a power loss came to, of what was not synced.
type Loss struct {
	Writes, WritesLost   int // and changes of a file's size
	Entries, EntriesLost int // that were made, renamed or removed
}

func (l Loss) String() string {
	return fmt.Sprintf("%d of %d writes and %d of %d entries that were not synced", l.WritesLost, l.Writes, l.EntriesLost, l.Entries)
}

// Add returns what both losses come to.
func (l Loss) Add(other Loss) Loss {
	return Loss{l.Writes + other.Writes, l.WritesLost + other.WritesLost, l.Entries + other.Entries, l.EntriesLost + other.EntriesLost}
}

// cut leaves what is durable, and what rnd draws of the rest; nil draws nothing. Then
// there is power again.
func (t *tree) cut(rnd *rand.Rand) (loss Loss) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.off = make(chan struct{})
	survive := 0
	if rnd != nil {
		survive = rnd.IntN(len(t.pending) + 1)
	}
	for _, r := range t.pending[:survive] {
		r.apply(entriesDurable)
	}
	loss.Entries, loss.EntriesLost = len(t.pending), len(t.pending)-survive
	t.pending = nil
	for _, n := range t.durableLocked() {
		if n.folder() {
			n.reset()
			continue
		}
		lost, of := n.cut(rnd)
		loss.Writes, loss.WritesLost = loss.Writes+of, loss.WritesLost+lost
	}
	return loss
}

// durableLocked returns every node that a durable entry leads to, the root first, in an
// order that does not change from run to run.
func (t *tree) durableLocked() []*node {
	all := []*node{t.root}
	for i := 0; i < len(all); i++ {
		for _, name := range slices.Sorted(maps.Keys(all[i].kept)) {
			all = append(all, all[i].kept[name])
		}
	}
	return all
}
