package servers

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

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
		peers = append(peers, e.config.Name+"="+peer.String())
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
