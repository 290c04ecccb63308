// Package servers starts real nats-servers and etcds inside a test's process,
// on free loopback ports, and ends them with the test.
//
// Nothing here is safe for concurrent use.
package servers

import (
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/ports"
)

// startTimeout bounds a server's start.
const startTimeout = pace.Patience

// NATS is a nats-server.
type NATS struct {
	URL     string
	options server.Options
	server  *server.Server
}

// StartNATS starts a nats-server. change, which may be nil, gets the options
// before.
func StartNATS(t testing.TB, change func(*server.Options)) *NATS {
	t.Helper()
	n := &NATS{options: server.Options{
		Host:         "127.0.0.1",
		Port:         ports.Number(t, ports.Free(t)),
		NoSigs:       true,
		NoLog:        true,
		PingInterval: 3 * time.Second,
		MaxPingsOut:  2,
	}}
	if change != nil {
		change(&n.options)
	}
	n.Start(t)
	t.Cleanup(n.Stop)
	return n
}

// Start starts a stopped server again, on its old port.
func (n *NATS) Start(t testing.TB) {
	t.Helper()
	options := n.options // the server writes into what it gets
	if options.TLS {     // what the options' files say is for the configuration file's reader to read
		config, err := server.GenTLSConfig(&server.TLSConfigOpts{
			CertFile: options.TLSCert, KeyFile: options.TLSKey, CaFile: options.TLSCaCert, Verify: options.TLSVerify,
		})
		if err != nil {
			t.Fatalf("nats-server: %v", err)
		}
		options.TLSConfig = config
	}
	s, err := server.NewServer(&options)
	if err != nil {
		t.Fatalf("nats-server: %v", err)
	}
	s.Start()
	if !s.ReadyForConnections(startTimeout) {
		t.Fatal("nats-server did not start")
	}
	n.server, n.URL = s, s.ClientURL()
}

// StoreDir is where JetStream keeps its files, in the folder jetstream.
func (n *NATS) StoreDir() string { return n.options.StoreDir }

// Stop stops the server; it may be called twice.
func (n *NATS) Stop() {
	n.server.Shutdown()
	n.server.WaitForShutdown()
}

// Connect returns a connection that the test's end closes.
func (n *NATS) Connect(t testing.TB, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(n.URL, options...)
	if err != nil {
		t.Fatalf("connect to %s: %v", n.URL, err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// Etcd is a cluster of one.
type Etcd struct {
	Endpoint string // host:port
	config   *embed.Config
	server   *embed.Etcd
}

// StartEtcd starts an etcd. It does not fsync: no test cuts the power.
func StartEtcd(t testing.TB) *Etcd {
	t.Helper()
	return StartEtcdWith(t, func(c *embed.Config) { c.UnsafeNoFsync = true })
}

// StartEtcdWith starts an etcd with a configuration that change has changed.
func StartEtcdWith(t testing.TB, change func(*embed.Config)) *Etcd {
	t.Helper()
	e := &Etcd{config: embed.NewConfig()}
	client := url.URL{Scheme: "http", Host: ports.Free(t)}
	peer := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	e.Endpoint = client.Host
	e.config.Dir = t.TempDir()
	e.config.ListenClientUrls, e.config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	e.config.ListenPeerUrls, e.config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	e.config.InitialCluster = e.config.InitialClusterFromName(e.config.Name)
	e.config.TickMs, e.config.ElectionMs = 20, 200
	e.config.LogLevel = "panic"
	change(e.config)
	e.Start(t)
	t.Cleanup(e.Stop)
	return e
}

// Start starts a stopped etcd again, on its old port and data.
func (e *Etcd) Start(t testing.TB) {
	t.Helper()
	config := *e.config
	s, err := embed.StartEtcd(&config)
	if err != nil {
		t.Fatalf("etcd: %v", err)
	}
	select {
	case <-s.Server.ReadyNotify():
	case <-time.After(startTimeout):
		s.Close()
		t.Fatal("etcd did not start")
	}
	e.server = s
}

// Stop stops the server; it may be called twice.
func (e *Etcd) Stop() {
	if e.server != nil {
		e.server.Close()
		e.server = nil
	}
}

// Reconfigure changes the configuration that the next Start starts it with.
func (e *Etcd) Reconfigure(change func(*embed.Config)) { change(e.config) }

// Replace throws the etcd away, data and all, and sets up another one, of
// another cluster id, at the same address.
func (e *Etcd) Replace(t testing.TB) {
	t.Helper()
	e.Stop()
	e.config.Dir = t.TempDir()
	e.config.InitialClusterToken += "-replaced"
	e.Start(t)
}

// Connect returns a client that the test's end closes.
func (e *Etcd) Connect(t testing.TB) *clientv3.Client {
	t.Helper()
	return Dial(t, e.Endpoint)
}

// Dial returns a client of endpoint as a worker has it, which the test's end
// closes.
func Dial(t testing.TB, endpoint string) *clientv3.Client {
	t.Helper()
	client, err := dial.Open(t.Context(), dial.Config{Endpoints: []string{endpoint}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}
