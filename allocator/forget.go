package allocator

// Forget drops the ids that are held in memory, and those that advances under way will
// bring: they are gaps. Requests that wait for ids get others, from advances that
// begin after this. It is for a Counter whose history went backwards. It holds the
// lock for some ten milliseconds per million keys.
func (w *Weak) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forgetLocked(GapRevoked)
}

func (w *Weak) forgetLocked(why Gap) {
	all := w.clock.ring
	mask := w.keys.mask
	w.keys, w.clock = newTable(), clock{}
	w.keys.mask = mask
	w.tenure, w.owners, w.others = nil, owners{}, 0
	gaps := map[*storeName]int{}
	for _, k := range all {
		gaps[k.store] += k.stock.held()
		k.stock.owner = 0
		if k.refill != nil { // it still needs it
			k.stock.current, k.stock.next = Range{}, Range{}
			k.refill.forgotten = true
			w.keys.put(k, k.key())
			w.clock.add(k)
		}
	}
	for store, ids := range gaps {
		if ids > 0 {
			w.observer.Skipped(store.name, ids, why)
		}
	}
}
