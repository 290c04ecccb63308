package stamper_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seqd-io/seqd/integration/ports"
	"github.com/seqd-io/seqd/integration/servers"
)

// member says how a nats-server of a cluster is run.
type member struct {
	Name, Dir, Client, Cluster string
	Routes, Tags               []string
}

// beMember runs a nats-server until SIGTERM.
func beMember(text string) error {
	var m member
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return err
	}
	at := func(hostport string) *url.URL { return &url.URL{Scheme: "nats", Host: hostport} }
	port := func(hostport string) (n int) {
		_, _ = fmt.Sscan(at(hostport).Port(), &n) // 0 is refused below
		return n
	}
	options := server.Options{
		ServerName: m.Name, Host: "127.0.0.1", Port: port(m.Client), NoSigs: true,
		PingInterval: 3 * time.Second, MaxPingsOut: 2,
		JetStream: true, StoreDir: m.Dir, Tags: m.Tags,
		Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port(m.Cluster)},
	}
	for _, route := range m.Routes {
		options.Routes = append(options.Routes, at(route))
	}
	s, err := server.NewServer(&options)
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	s.Start()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}

// members are the nats-servers of a cluster, each a process of its own.
type members struct {
	names []string
	urls  []string
	all   []*process
}

// startMembers starts a cluster of n. Each has the tag beside-NAME for each of
// the others, so that a stream that asks for beside-n1 is moved away from n1.
func startMembers(t testing.TB, n int) *members {
	t.Helper()
	c := &members{}
	var routes []string
	for i := range n {
		c.names = append(c.names, fmt.Sprintf("n%d", i))
		routes = append(routes, ports.Free(t))
	}
	for i, name := range c.names {
		m := member{Name: name, Dir: t.TempDir(), Client: ports.Free(t), Cluster: routes[i], Routes: routes}
		for _, other := range c.names {
			if other != name {
				m.Tags = append(m.Tags, "beside-"+other)
			}
		}
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		c.urls = append(c.urls, "nats://"+m.Client)
		c.all = append(c.all, newChild(t, name, memberEnv+"="+string(text)))
	}
	return c
}

func (c *members) url() string { return strings.Join(c.urls, ",") }

func (c *members) named(name string) *process { return c.all[slices.Index(c.names, name)] }

// newMembersRig starts a rig whose nats-servers are four processes, of which each
// stream is on three.
func newMembersRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{etcd: servers.StartEtcd(t), members: startMembers(t, 4)}
	r.db = r.etcd.Connect(t)
	await(t, "a nats-server listens", func() bool {
		nc, err := nats.Connect(r.members.url())
		if err == nil {
			nc.Close()
		}
		return err == nil
	})
	r.connectAll(t, 3, nil)
	return r
}

// placed tells where a stream or a consumer is: who leads it, and who follows.
// The leader is "" while there is none, or while nobody says.
type placed struct {
	leader    string
	followers []string
	current   bool // all followers have all
}

func (p placed) on(name string) bool {
	return p.leader == name || slices.Contains(p.followers, name)
}

func (r *rig) placed(t testing.TB, what string) (p placed) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var cluster *jetstream.ClusterInfo
	if what == durable {
		if consumer, err := r.js.Consumer(ctx, sourceStream, durable); err == nil {
			cluster = consumer.CachedInfo().Cluster
		}
	} else if stream, err := r.js.Stream(ctx, what); err == nil {
		cluster = stream.CachedInfo().Cluster
	}
	if cluster == nil {
		return p
	}
	p.leader, p.current = cluster.Leader, true
	for _, follower := range cluster.Replicas {
		p.followers = append(p.followers, follower.Name)
		p.current = p.current && follower.Current && !follower.Offline
	}
	return p
}

// led are those that have a leader of their own.
var led = []string{sourceStream, outputStream, durable}

// leader waits until there is one.
func (r *rig) leader(t testing.TB, what string) (name string) {
	t.Helper()
	awaitFor(t, 4*patience, what+" has a leader", func() bool { name = r.placed(t, what).leader; return name != "" })
	return name
}

// settled waits until all replicas have all, so that what is done next is done to
// a cluster that is whole.
func (r *rig) settled(t testing.TB) {
	t.Helper()
	for _, what := range led {
		awaitFor(t, 4*patience, "all replicas of "+what+" are up to date", func() bool {
			p := r.placed(t, what)
			return p.leader != "" && p.current && len(p.followers) == 2
		})
	}
}
