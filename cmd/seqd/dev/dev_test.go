//go:build !lean

package dev

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seqd-io/seqd/cmd/seqd/actor/actortest"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/worker"
)

func TestActorsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		actortest.Ends(t, "announce, before the worker is ready", announce(make(chan struct{}), "ready", &out))
		if out.Len() > 0 {
			t.Errorf("it said %q", &out)
		}
		ready := make(chan struct{})
		close(ready)
		actortest.Ends(t, "announce", announce(ready, "ready", &out))
	})
}

// What is to be tried works with the stores that there are.
func TestSomeStore(t *testing.T) {
	for _, c := range []struct {
		stores string
		want   string
	}{{"*", "demo"}, {"orders demo", "demo"}, {"orders invoices", "invoices"}, {"orders *", "demo"}} {
		var cluster settings.Cluster
		for _, name := range strings.Fields(c.stores) {
			cluster.Stores = append(cluster.Stores, worker.Store{Name: name})
		}
		if got := someStore([]settings.Cluster{cluster}); got != c.want {
			t.Errorf("%s: got %q, want %q", c.stores, got, c.want)
		}
	}
}
