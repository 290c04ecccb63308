package operate_test

import (
	"fmt"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/integration/servers"
)

// Answers are counted by their leases; other leases, and what ends with them, are
// none.
func TestAnswers(t *testing.T) {
	server := servers.StartEtcd(t)
	client, a := server.Connect(t), operate.New(server.Connect(t), "")
	if got, err := a.Answers(t.Context()); err != nil || got != (operate.Answers{}) {
		t.Errorf("got %+v, %v", got, err)
	}
	value := record.Answer{IDs: allocator.Range{First: 7, N: 1}}.Encode()
	put := func(lease clientv3.LeaseID, paths ...string) {
		t.Helper()
		for _, path := range paths {
			if _, err := client.Put(t.Context(), path, value, clientv3.WithLease(lease)); err != nil {
				t.Fatal(err)
			}
		}
	}
	grant := func() clientv3.LeaseID {
		t.Helper()
		lease, err := client.Grant(t.Context(), 600)
		if err != nil {
			t.Fatal(err)
		}
		return lease.ID
	}
	put(grant(), "/other/v1/answers/demo/key666/x", "/seqd/v1/answersX")
	grant()
	bytes := int64(0)
	for i := range 3 {
		lease := grant()
		for j := range 10 {
			path := record.Prefix("/seqd").Answer(key, fmt.Sprint(i, "-", j))
			put(lease, path)
			bytes += int64(len(path) + len(value) + 100)
		}
	}
	if got, err := a.Answers(t.Context()); err != nil || got != (operate.Answers{Leases: 5, N: 30, Bytes: bytes}) {
		t.Errorf("got %+v, %v, want 30 of %d bytes", got, err, bytes)
	}
	for range 95 { // so that one in two leases is looked at
		put(grant(), record.Prefix("/seqd").Answer(key, fmt.Sprint("more", grant())))
	}
	if got, err := a.Answers(t.Context()); err != nil || got.Leases != 195 || got.N < 50 || got.N > 250 {
		t.Errorf("got %+v, %v, want about 125 answers of 195 leases", got, err)
	}
}
