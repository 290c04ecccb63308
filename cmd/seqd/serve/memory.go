package serve

import (
	"os"
	"runtime/debug"
)

// What a worker takes: for itself, and for each weak key that it may hold (about
// 150 bytes, and what the collector needs to keep up).
const (
	memoryBase   = 64 << 20 // bytes
	memoryPerKey = 200      // bytes
)

// limitMemory has the collector work harder as the process comes near to what
// maxKeys should take, in place of letting the heap double between two of its
// runs. Small heaps don't notice. GOMEMLIMIT wins.
func limitMemory(maxKeys int) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryBase + int64(maxKeys)*memoryPerKey)
	}
}
