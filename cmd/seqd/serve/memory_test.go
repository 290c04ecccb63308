package serve

import (
	"testing"

	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/worker"
)

// max_keys bounds weak keys and owned ones, each, in each etcd: the collector must
// not be held to less.
func TestMostKeys(t *testing.T) {
	weak, leased := settings.Cluster{Stores: []worker.Store{{}, {}}}, settings.Cluster{Stores: []worker.Store{{Leased: true}}}
	both := settings.Cluster{Stores: []worker.Store{{}, {Leased: true}}}
	for _, test := range []struct {
		clusters []settings.Cluster
		want     int
	}{
		{[]settings.Cluster{weak}, 10}, {[]settings.Cluster{leased}, 10}, {[]settings.Cluster{both}, 20}, {[]settings.Cluster{both, weak, leased}, 40},
	} {
		if got := mostKeys(test.clusters, 10); got != test.want {
			t.Errorf("%+v: got %d, want %d", test.clusters, got, test.want)
		}
	}
}
