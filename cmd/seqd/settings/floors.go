package settings

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/subjects"
)

// floors names the store's floors, so that doctor can hold workers against each
// other; keys' are told by a fingerprint, as there may be many.
func (s Store) floors() string {
	switch {
	case len(s.Keys) == 0 && s.BiggerThan == 0:
		return ""
	case len(s.Keys) == 0:
		return fmt.Sprint(s.BiggerThan)
	}
	return fmt.Sprint(s.BiggerThan) + andOfKeys(s.Keys, func(k Key) string { return fmt.Sprint(k.BiggerThan) })
}

// andOfKeys says for how many keys there is a rule, with a fingerprint of all.
func andOfKeys[R any](rules map[string]R, text func(R) string) string {
	h := fnv.New32a()
	for _, key := range slices.Sorted(maps.Keys(rules)) {
		fmt.Fprintf(h, "%q %s\n", key, text(rules[key]))
	}
	return fmt.Sprintf(", and of keys %d (%08x)", len(rules), h.Sum32())
}

// floors are the ids that a store's or a key's ids must be greater than.
type floors struct {
	stores map[string]int64
	keys   map[allocator.Key]int64
}

func (f floors) add(name string, s Store, src Source) error {
	at := []string{"stores", name}
	if s.BiggerThan < 0 {
		return src.errorf(append(at, "bigger_than"), "must not be below 0, but is %d", s.BiggerThan)
	}
	f.stores[name] = s.BiggerThan
	for text, k := range s.Keys {
		key, err := subjects.Escape(text)
		if err != nil {
			return src.errorf(append(at, "keys", text), "%s", TextOf(err))
		}
		if k.BiggerThan < 0 {
			return src.errorf(append(at, "keys", text, "bigger_than"), "must not be below 0, but is %d", k.BiggerThan)
		}
		f.keys[allocator.Key{Store: name, Name: key}] = k.BiggerThan
	}
	return nil
}

// of returns the floor of a key: its own and its store's, whichever is greater.
func (f floors) of(k allocator.Key) int64 {
	store, ok := f.stores[k.Store]
	if !ok {
		k.Store = subjects.AnyStore
		store = f.stores[k.Store]
	}
	return max(store, f.keys[k])
}
