package history

import (
	"errors"

	"github.com/seqd-io/seqd/allocator"
)

// Fence is an [allocator.ErrFenced] with what stands in the way of who would
// forget all that was issued, in place of raising the counters above it.
type Fence struct {
	Err    error    // why nothing may be issued
	Files  []string // of this machine, that remember it
	Record string   // the path of the record, where it fences even who remembers nothing
}

func (f *Fence) Error() string { return f.Err.Error() }
func (f *Fence) Unwrap() error { return f.Err }

// explain makes a [Fence] of an error that is one.
func (g *Guard) explain(err error, f found) error {
	if !errors.Is(err, allocator.ErrFenced) {
		return err
	}
	return g.fenceOf(err, g.Lineage(), f)
}

// fenceOf returns the fence that f is found to be. To forget all is no way out
// where there are counters elsewhere.
func (g *Guard) fenceOf(err error, lineage string, f found) *Fence {
	fence := &Fence{Err: err}
	if f.other != "" {
		return fence
	}
	memories, _ := g.memory.recall()
	fence.Files = memories.about(lineage, g.memory.here)
	if f.recordFences() {
		fence.Record = g.reader.prefix.Incarnation()
	}
	return fence
}
