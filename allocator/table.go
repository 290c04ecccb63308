package allocator

import (
	"hash/maphash"
	"math"
	"strings"
)

// table finds weakKeys by their Key, for a million keys in about half of the
// memory that a map with Keys in it takes: the map holds hashes only, a store's
// name is kept once for all of its keys, and what a Key was cut out of (a whole
// subject) is not kept alive.
type table struct {
	seed   maphash.Seed
	mask   uint64              // all ones; tests narrow it, to have keys collide
	chains map[uint64]*weakKey // by hash; keys of one hash, which are rare, are chained
	stores map[string]*storeName
	len    int
}

// storeName is a store that some key is of.
type storeName struct {
	name string
	keys int
}

func newTable() table {
	return table{
		seed:   maphash.MakeSeed(),
		mask:   math.MaxUint64,
		chains: map[uint64]*weakKey{},
		stores: map[string]*storeName{},
	}
}

// hash is seeded at random, so that nobody can choose keys that collide.
func (t *table) hash(key Key) uint64 {
	const odd = 0x9e3779b97f4a7c15 // keeps (a, b) and (b, a) apart
	return (maphash.String(t.seed, key.Store)*odd + maphash.String(t.seed, key.Name)) & t.mask
}

// get returns nil for a key that is not there.
func (t *table) get(key Key) *weakKey {
	for k := t.chains[t.hash(key)]; k != nil; k = k.chain {
		if k.name == key.Name && k.store.name == key.Store {
			return k
		}
	}
	return nil
}

// add returns a new weakKey for a key that is not there.
func (t *table) add(key Key) *weakKey {
	k := &weakKey{name: strings.Clone(key.Name)}
	t.put(k, key)
	return k
}

// put puts in k, which is key's; key is not there.
func (t *table) put(k *weakKey, key Key) {
	s := t.stores[key.Store]
	if s == nil {
		s = &storeName{name: strings.Clone(key.Store)}
		t.stores[s.name] = s
	}
	s.keys++
	h := t.hash(key)
	k.store, k.chain = s, t.chains[h]
	t.chains[h] = k
	t.len++
}

// remove takes out k, which is there.
func (t *table) remove(k *weakKey) {
	h := t.hash(k.key())
	if first := t.chains[h]; first != k {
		for first.chain != k {
			first = first.chain
		}
		first.chain = k.chain
	} else if k.chain != nil {
		t.chains[h] = k.chain
	} else {
		delete(t.chains, h)
	}
	k.chain = nil
	if k.store.keys--; k.store.keys == 0 {
		delete(t.stores, k.store.name)
	}
	t.len--
}
