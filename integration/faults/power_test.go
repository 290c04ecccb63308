package faults

import (
	"context"
	"fmt"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// What etcd has answered is there after a power loss of all members, and is not where
// they do not sync: a disk that loses nothing would find nothing.
func TestPowerLossFindsAnEtcdThatDoesNotSync(t *testing.T) {
	if testing.Short() {
		t.Skip("starts etcd's members as processes")
	}
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	for _, unsynced := range []bool{false, true} {
		t.Run(fmt.Sprintf("unsynced=%v", unsynced), func(t *testing.T) {
			s := &system{dir: t.TempDir(), bin: bin}
			s.etcd = newEtcdCluster(t, s, plan{disks: true, unsynced: unsynced})
			s.etcd.settle()
			const puts = 20
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			client := s.etcd.connect(t)
			defer client.Close()
			for i := range puts {
				if _, err := client.Put(ctx, fmt.Sprintf("/put/%d", i), ""); err != nil {
					t.Fatal(err)
				}
			}
			newOutage().cut(t, s.etcd.processes()...)
			s.etcd.start(t)
			got, err := client.Get(ctx, "/put/", clientv3.WithPrefix())
			if err != nil {
				t.Fatal(err)
			}
			if lost := got.Count < puts; lost != unsynced {
				t.Errorf("%d of %d answered writes are there", got.Count, puts)
			}
		})
	}
}
