package servers

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/integration/ports"
)

// EtcdCluster is an etcd cluster of several members in this process.
type EtcdCluster []*Etcd

// StartEtcdCluster starts a cluster of n members. They do not fsync.
func StartEtcdCluster(t testing.TB, n int) EtcdCluster {
	t.Helper()
	var all EtcdCluster
	var peers []string
	for i := range n {
		e := newMember(t, i)
		peers = append(peers, e.config.Name+"="+e.config.ListenPeerUrls[0].String())
		all = append(all, e)
	}
	for _, e := range all { // nobody gets ready before a majority is there
		e.config.InitialCluster = strings.Join(peers, ",")
		config := *e.config
		s, err := embed.StartEtcd(&config)
		if err != nil {
			t.Fatalf("etcd: %v", err)
		}
		e.server = s
		t.Cleanup(e.Stop)
	}
	timeout := time.After(startTimeout)
	for _, e := range all {
		select {
		case <-e.server.Server.ReadyNotify():
		case <-timeout:
			t.Fatal("the etcd cluster did not start")
		}
	}
	return all
}

// newMember returns the i-th member, not started yet.
func newMember(t testing.TB, i int) *Etcd {
	t.Helper()
	e := &Etcd{config: embed.NewConfig()}
	client := url.URL{Scheme: "http", Host: ports.Free(t)}
	peer := url.URL{Scheme: "http", Host: ports.Free(t)}
	e.Endpoint = client.Host
	e.config.Name = fmt.Sprintf("m%d", i)
	e.config.Dir = t.TempDir()
	e.config.ListenClientUrls, e.config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	e.config.ListenPeerUrls, e.config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	e.config.UnsafeNoFsync = true
	e.config.LogLevel = "panic"
	return e
}

// Learner adds a member that does not vote, and waits until it has caught up as
// far as a member can that answers nothing else: it knows the leader.
func (c EtcdCluster) Learner(t testing.TB) *Etcd {
	t.Helper()
	e := newMember(t, len(c))
	peer := e.config.ListenPeerUrls[0].String()
	e.config.InitialCluster = c[0].config.InitialCluster + "," + e.config.Name + "=" + peer
	e.config.ClusterState = embed.ClusterStateFlagExisting
	if _, err := c[0].Connect(t).MemberAddAsLearner(t.Context(), []string{peer}); err != nil {
		t.Fatal(err)
	}
	e.Start(t)
	t.Cleanup(e.Stop)
	return e
}

// Promote makes a learner a member that votes, as soon as it has caught up.
func (c EtcdCluster) Promote(t testing.TB, learner *Etcd) {
	t.Helper()
	client := c[0].Connect(t)
	for {
		_, err := client.MemberPromote(t.Context(), uint64(learner.server.Server.MemberID()))
		if !errors.Is(err, rpctypes.ErrMemberLearnerNotReady) {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
	}
}

// Leader returns the member that leads, and its number.
func (c EtcdCluster) Leader() (int, *Etcd) {
	for i, e := range c {
		if e.server != nil && e.server.Server.Leader() == e.server.Server.MemberID() {
			return i, e
		}
	}
	return -1, nil
}

// Isolate cuts the member with that number off from the others, and not from
// its clients.
func (c EtcdCluster) Isolate(i int) {
	for j, other := range c {
		if j != i {
			c[i].server.Server.CutPeer(other.server.Server.MemberID())
			other.server.Server.CutPeer(c[i].server.Server.MemberID())
		}
	}
}

// Rejoin ends what Isolate did.
func (c EtcdCluster) Rejoin(i int) {
	for j, other := range c {
		if j != i {
			c[i].server.Server.MendPeer(other.server.Server.MemberID())
			other.server.Server.MendPeer(c[i].server.Server.MemberID())
		}
	}
}
