package serve

import (
	"os"
	"runtime/debug"
	"slices"

	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/worker"
)

// What a worker takes: for itself, and for each key that it may hold (about 150
// bytes, and what the collector needs to keep up).
const (
	memoryBase   = 64 << 20 // bytes
	memoryPerKey = 200      // bytes
)

// limitMemory has the collector work harder as the process comes near to what as
// many keys should take, in place of letting the heap double between two of its
// runs. Small heaps don't notice. GOMEMLIMIT wins.
func limitMemory(keys int) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryBase + int64(keys)*memoryPerKey)
	}
}

// mostKeys returns how many keys a worker may hold: in each cluster maxKeys weak
// ones, and as many that it owns.
func mostKeys(clusters []settings.Cluster, maxKeys int) (n int) {
	for _, c := range clusters {
		leased := func(s worker.Store) bool { return s.Leased }
		if slices.ContainsFunc(c.Stores, leased) {
			n += maxKeys
		}
		if slices.ContainsFunc(c.Stores, func(s worker.Store) bool { return !leased(s) }) {
			n += maxKeys
		}
	}
	return n
}
