package etcd_test

import (
	"errors"
	"testing"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/integration/servers"
)

// What another worker reserved for this one is held against etcd's history like
// what this one has reserved itself: a record that goes back to before it is
// refused, and its ids are not reserved again.
func TestGivenIdsAreNotReservedAgain(t *testing.T) {
	server := servers.StartEtcd(t)
	c, rival := etcdtest.Open(t, server, ""), etcdtest.Open(t, server, "")
	etcdtest.MustAdvance(t, c, key, 10, 1)
	etcdtest.MustAdvance(t, rival, key, 5, 11)
	c.Given(key, allocator.Range{First: 11, N: 5})
	if known := c.Known(key); known != 15 {
		t.Errorf("known up to %d, want 15", known)
	}
	etcdtest.MustAdvance(t, c, key, 1, 16)

	// Ids that no record covers: etcd has gone back.
	c.Given(key, allocator.Range{First: 17, N: 4})
	etcdtest.MustAdvance(t, rival, key, 2, 17) // as a rival does that knows less
	if ids, err := c.Advance(t.Context(), key, 1); !errors.Is(err, allocator.ErrFenced) {
		t.Errorf("got %v, %v, want ErrFenced", ids, err)
	}
	if known := c.Known(key); known != 20 {
		t.Errorf("known up to %d, want 20", known)
	}
}

// A key whose record was never seen here can have been given ids, too.
func TestGivenIdsOfAnUnknownKey(t *testing.T) {
	c := etcdtest.Open(t, servers.StartEtcd(t), "")
	etcdtest.MustAdvance(t, c, allocator.Key{Store: "demo", Name: "other"}, 1, 1)
	c.Given(key, allocator.Range{First: 1, N: 100})
	etcdtest.MustAdvance(t, c, key, 1, 101)
}
