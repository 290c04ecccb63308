package worker_test

import (
	"testing"

	"github.com/nats-io/nats.go/micro"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/worker"
)

// namedCounter is a Counter that says which counters it keeps.
type namedCounter struct {
	allocator.Source
	name string
}

func (c *namedCounter) Lineage() string { return c.name }

// Discovery says which counters a store's ids come from, as soon as it is known:
// two workers that would issue the same ids are found out by it.
func TestDiscoveryNamesTheCounters(t *testing.T) {
	counter := &namedCounter{}
	f := start(t, func(c *worker.Config) {
		counter.Source = c.Backends[0].Counter
		c.Backends[0].Counter = counter
	})
	said := func() (string, bool) {
		infos := gather[micro.Info](t, f.nc, "$SRV.INFO.seqd")
		if len(infos) != 1 || len(infos[0].Endpoints) != 1 {
			t.Fatalf("INFO: %+v", infos)
		}
		name, ok := infos[0].Endpoints[0].Metadata[worker.MetadataLineage]
		return name, ok
	}
	if name, ok := said(); ok {
		t.Errorf("it says %q before it is known", name)
	}
	counter.name = "1f2e"
	if name, _ := said(); name != "1f2e" {
		t.Errorf("got %q", name)
	}
}
