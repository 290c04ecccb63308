package allocator

import (
	"math"
	"time"
)

// Owned keys: a [Weak] whose segments are windows of keys that this process owns,
// so that nobody else reserves ids of them meanwhile, and strong requests too are
// served from memory.
//
// Why that is strict: an id of a window goes to a request only if the Tenure that
// the window was reserved in holds at a time read after the request came. Nobody
// else claims the key before that Tenure is over, and the windows of whoever does
// begin above ours. All ids that are held belong to one Tenure: with the first
// window of another one, what is left of the windows before is dropped.

// newOwned returns a Weak of owned keys, that tells the time by now.
func newOwned(counter Starter, config WeakConfig, now func() time.Time) *Weak {
	w := NewWeak(counter, config)
	w.owned, w.now = true, now
	if now == nil {
		w.now = time.Now
	}
	return w
}

// takeOwned is [Issuer.TakeOwned].
func (w *Weak) takeOwned(key Key, n int, above int64, now time.Time) (ids Range, owner string, ok bool) {
	w.mu.Lock()
	k := w.keys.get(key)
	switch {
	case k == nil || w.stopped:
	case k.stock.owner != 0:
		k.stock.used = true
		owner = w.owners.name(k.stock.owner)
	case w.tenure.Holds(now):
		var due *refill
		ids, ok, due = w.takeLocked(k, n, above)
		w.mu.Unlock()
		if due != nil {
			due.start()
		}
		return ids, "", ok
	}
	w.mu.Unlock()
	return Range{}, owner, false
}

// holdsLocked reports whether the ids that are held may be handed out to who has
// come by now.
func (w *Weak) holdsLocked() bool { return !w.owned || w.tenure.Holds(w.now()) }

// adoptLocked reports whether a window of t can be held. If t is a new Tenure,
// nothing of the one before is.
func (w *Weak) adoptLocked(t *Tenure) bool {
	switch {
	case !w.owned || t == w.tenure:
		return true
	case w.tenure != nil && t.number < w.tenure.number:
		return false
	}
	w.dropAllLocked(GapTenure)
	w.tenure = t
	return true
}

// dropAllLocked drops all ids that are held.
func (w *Weak) dropAllLocked(why Gap) {
	for _, k := range w.clock.ring {
		w.dropLocked(k, why)
	}
}

func (w *Weak) dropLocked(k *weakKey, why Gap) {
	if gap := k.stock.held(); gap > 0 {
		w.observer.Skipped(k.store.name, gap, why)
	}
	k.stock.current, k.stock.next = Range{}, Range{}
}

// Drop drops the ids that are held of an owned key, and those that an advance under
// way will bring.
func (w *Weak) Drop(key Key) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if k := w.keys.get(key); k != nil {
		w.dropLocked(k, GapRevoked)
		if k.refill != nil {
			k.refill.forgotten = true
		}
	}
}

// overtaken drops what is held of a key below last, an id that somebody gets whose
// request was made once; and what an advance under way will bring of them. An owned
// key is held from now on, so that it is let go of like others.
func (w *Weak) overtaken(key Key, last int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.keys.get(key)
	switch {
	case k != nil:
		w.setOwnerLocked(k, 0)
		w.skipLocked(k, last, GapOvertaken)
		if k.refill != nil {
			k.refill.past = max(k.refill.past, last)
		}
	case w.owned && !w.stopped:
		k = w.newKeyLocked(key)
	default:
		return
	}
	k.stock.used = true
}

// lost notes that another process owns a key.
func (w *Weak) lost(key Key, owner string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.keys.get(key)
	if k == nil {
		if w.stopped {
			return
		}
		k = w.newKeyLocked(key)
	}
	if k.refill == nil {
		w.lostLocked(k, owner)
	}
}

// lostLocked notes that another process owns k.
func (w *Weak) lostLocked(k *weakKey, owner string) {
	w.dropLocked(k, GapTenure)
	n := w.owners.number(owner)
	if n == 0 { // no number is left: begin anew
		w.owners = owners{}
		for _, other := range w.clock.ring {
			other.stock.owner = 0
		}
		w.others = 0
		n = w.owners.number(owner)
	}
	w.setOwnerLocked(k, n)
}

func (w *Weak) setOwnerLocked(k *weakKey, n uint16) {
	if k.stock.owner == 0 && n != 0 {
		w.others++
	} else if k.stock.owner != 0 && n == 0 {
		w.others--
	}
	k.stock.owner = n
}

// refused is [Issuer.Refused].
func (w *Weak) refused(key Key, peer string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if k := w.keys.get(key); k != nil && k.stock.owner != 0 && w.owners.name(k.stock.owner) == peer {
		w.setOwnerLocked(k, 0)
	}
}

// ownerOf is [Issuer.Owner].
func (w *Weak) ownerOf(key Key) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if k := w.keys.get(key); k != nil && k.stock.owner != 0 {
		return w.owners.name(k.stock.owner)
	}
	return ""
}

func (w *Weak) ownedKeys() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.keys.len - w.others
}

// left returns for how long the ids that are held may be handed out.
func (w *Weak) left() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(w.tenure.Left(w.now()), 0)
}

// release is a key to be let go of, with the ids that were reserved last and are
// not issued.
type release struct {
	key  Key
	rest Range
}

// passes is how many calls of tidy go once through all keys.
const passes = 60

// tidy lets go of keys that have not been used since it last came to them. Each
// call looks at a part of all keys.
func (w *Weak) tidy(let func(Key, Range)) {
	var idle []release
	w.mu.Lock()
	w.pass = w.pass%passes + 1
	ring := len(w.clock.ring)
	at := ring * (w.pass - 1) / passes
	for range ring*w.pass/passes - at {
		k := w.clock.ring[at]
		if k.stock.used || k.refill != nil {
			k.stock.used = false
			at++
			continue
		}
		if k.stock.owner == 0 && w.holdsLocked() {
			idle = append(idle, release{k.key(), k.stock.rest()})
		}
		w.clock.removeAt(at)
		w.removeLocked(k)
	}
	w.mu.Unlock()
	for _, r := range idle {
		let(r.key, r.rest)
	}
}

// maxReturned bounds the keys that are let go of one by one when all are; the
// ids of others are gaps.
const maxReturned = 1000

// letGo drops all ids that are held, and releases the keys.
func (w *Weak) letGo(let func(Key, Range)) {
	var all []release
	w.mu.Lock()
	w.tenure.End() // whoever takes ids does so under the lock
	for _, k := range w.clock.ring {
		if len(all) == maxReturned {
			break
		}
		if k.refill == nil && k.stock.held() > 0 {
			all = append(all, release{k.key(), k.stock.rest()})
			k.stock.current, k.stock.next = Range{}, Range{}
		}
	}
	w.forgetLocked(GapTenure)
	w.mu.Unlock()
	for _, r := range all {
		let(r.key, r.rest)
	}
}

// owners are the names of processes that own keys, by number: there may be a
// million keys, and a number is small. The zero value is ready for use.
type owners struct {
	names   []string
	numbers map[string]uint16
}

func (o *owners) name(n uint16) string { return o.names[n-1] }

// number returns 0 where none is left.
func (o *owners) number(name string) uint16 {
	if n, ok := o.numbers[name]; ok {
		return n
	}
	if len(o.names) == math.MaxUint16 {
		return 0
	}
	if o.numbers == nil {
		o.numbers = map[string]uint16{}
	}
	o.names = append(o.names, name)
	o.numbers[name] = uint16(len(o.names))
	return uint16(len(o.names))
}
