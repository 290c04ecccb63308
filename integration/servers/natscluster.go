package servers

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/seqd-io/seqd/integration/ports"
)

// NATSCluster is a cluster of nats-servers with JetStream in this process.
type NATSCluster []*NATS

// StartNATSCluster starts a cluster of n nats-servers, each with JetStream, and
// returns when they have a leader that knows them all.
func StartNATSCluster(t testing.TB, n int) NATSCluster {
	t.Helper()
	var all NATSCluster
	var routes []*url.URL
	for range n {
		routes = append(routes, &url.URL{Scheme: "nats", Host: ports.Free(t)})
	}
	for i := range n {
		member := &NATS{options: server.Options{
			ServerName: fmt.Sprintf("n%d", i),
			Host:       "127.0.0.1",
			Port:       ports.Number(t, ports.Free(t)),
			NoSigs:     true,
			NoLog:      true,
			JetStream:  true,
			StoreDir:   t.TempDir(),
			Cluster:    server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port(t, routes[i])},
			Routes:     routes,
		}}
		member.Start(t)
		t.Cleanup(member.Stop)
		all = append(all, member)
	}
	all.AwaitMembers(t)
	return all
}

// StartNATSPair starts two nats-servers that know each other, and tell their clients
// of each other. change, which may be nil, gets the options of each before.
func StartNATSPair(t testing.TB, change func(*server.Options)) NATSCluster {
	t.Helper()
	var all NATSCluster
	var routes []*url.URL
	for i := range 2 {
		cluster := &url.URL{Scheme: "nats", Host: ports.Free(t)}
		all = append(all, StartNATS(t, func(o *server.Options) {
			o.ServerName = fmt.Sprintf("n%d", i)
			o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port(t, cluster)}
			o.Routes = routes
			if change != nil {
				change(o)
			}
		}))
		routes = append(routes, cluster)
	}
	await(t, func() bool { return all[0].server.NumRoutes() > 0 && all[1].server.NumRoutes() > 0 }, "the nats-servers did not find each other")
	return all
}

// URL names all members.
func (c NATSCluster) URL() string {
	var urls []string
	for _, n := range c {
		urls = append(urls, n.URL)
	}
	return strings.Join(urls, ",")
}

// AwaitMembers waits until the cluster has a leader, and all members follow it.
func (c NATSCluster) AwaitMembers(t testing.TB) {
	t.Helper()
	await(t, c.whole, "the nats-servers did not become a cluster")
}

// await waits for what servers tell by no event.
func await(t testing.TB, done func() bool, failure string) {
	t.Helper()
	for deadline := time.Now().Add(startTimeout); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(failure)
		}
	}
}

func (c NATSCluster) whole() bool {
	for _, n := range c {
		if !n.server.JetStreamIsCurrent() {
			return false
		}
	}
	for _, n := range c {
		if n.server.JetStreamIsLeader() {
			return len(n.server.JetStreamClusterPeers()) == len(c)
		}
	}
	return false
}

// AwaitCurrent waits until each member has all that the streams hold. Who stops
// another one before that may take the only two away that have a message.
func (c NATSCluster) AwaitCurrent(t testing.TB, streams ...string) {
	t.Helper()
	current := func() bool {
		for _, n := range c {
			for _, stream := range streams {
				if !n.server.JetStreamIsStreamCurrent(server.DEFAULT_GLOBAL_ACCOUNT, stream) {
					return false
				}
			}
		}
		return true
	}
	await(t, current, fmt.Sprintf("not all nats-servers have all of %q", streams))
}

// StreamLeader returns the member that leads a stream of the global account, and
// its number, or -1.
func (c NATSCluster) StreamLeader(stream string) (int, *NATS) {
	return c.find(func(s *server.Server) bool { return s.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream) })
}

// ConsumerLeader is StreamLeader of a stream's consumer.
func (c NATSCluster) ConsumerLeader(stream, consumer string) (int, *NATS) {
	return c.find(func(s *server.Server) bool {
		return s.JetStreamIsConsumerLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream, consumer)
	})
}

func (c NATSCluster) find(leads func(*server.Server) bool) (int, *NATS) {
	for i, n := range c {
		if n.server.Running() && leads(n.server) {
			return i, n
		}
	}
	return -1, nil
}

func port(t testing.TB, u *url.URL) int {
	t.Helper()
	var p int
	if _, err := fmt.Sscan(u.Port(), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// LameDuck has the server say that it stops as planned, which it does not do before
// Stop.
func (n *NATS) LameDuck() { go n.server.LameDuckShutdown() }

// Clients returns how many connections of clients the server has.
func (n *NATS) Clients() int { return n.server.NumClients() }
