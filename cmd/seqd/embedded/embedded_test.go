//go:build !lean

package embedded

import (
	"testing"

	"github.com/seqd-io/seqd/cmd/seqd/actor/actortest"
)

func TestWatchOverEtcdEnds(t *testing.T) {
	etcd, err := StartEtcd(t.Context(), t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer etcd.Stop()
	actortest.Ends(t, "the watch over etcd", etcd.Wait)
}
