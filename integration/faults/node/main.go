// Command node is one etcd member, one nats-server or etcd's own gRPC proxy as a
// process of its own, for the tests of package faults to kill, freeze and cut off. Its output is
// the server's log.
package main

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/storage/wal"
)

func main() {
	commands := map[string]func([]string) error{"etcd": runEtcd, "nats": runNATS, "grpc-proxy": runProxy}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: node etcd|nats|grpc-proxy [flags]")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}

// runEtcd runs a member until SIGTERM. It syncs to disk, as one that counts on
// its data does, unless it is told otherwise.
func runEtcd(args []string) error {
	fs := flag.NewFlagSet("etcd", flag.ExitOnError)
	config := embed.NewConfig()
	fs.StringVar(&config.Name, "name", "", "the member's name")
	fs.StringVar(&config.Dir, "data-dir", "", "where its data is")
	client := fs.String("client", "", "host:port for clients")
	fs.StringVar(&config.ClientTLSInfo.CertFile, "cert", "", "certificate `FILE` for clients; \"\": no TLS")
	fs.StringVar(&config.ClientTLSInfo.KeyFile, "key", "", "its key")
	fs.StringVar(&config.ClientTLSInfo.TrustedCAFile, "ca", "", "who signs clients' certificates, which are asked for")
	peer := fs.String("peer", "", "host:port for members")
	advertise := fs.String("advertise", "", "host:port at which members find it")
	fs.StringVar(&config.InitialCluster, "cluster", "", "name=http://host:port of each member, with commas")
	fs.StringVar(&config.InitialClusterToken, "token", "", "cluster token")
	fs.StringVar(&config.ClusterState, "state", embed.ClusterStateFlagNew, "new, or existing for a member that joins")
	fs.Int64Var(&config.QuotaBackendBytes, "quota", 0, "backend quota in bytes; 0: etcd's own")
	fs.UintVar(&config.TickMs, "heartbeat", config.TickMs, "ms between heartbeats")
	fs.UintVar(&config.ElectionMs, "election", config.ElectionMs, "ms without a leader before an election")
	fs.Uint64Var(&config.SnapshotCount, "snapshot-count", config.SnapshotCount, "transactions between two snapshots of raft's")
	fs.Int64Var(&wal.SegmentSizeBytes, "wal-segment", wal.SegmentSizeBytes, "bytes of a file of the log")
	fs.BoolVar(&config.UnsafeNoFsync, "unsafe-no-fsync", false, "do not sync to disk")
	fs.Parse(args)

	at := func(hostport string) []url.URL { return []url.URL{{Scheme: "http", Host: hostport}} }
	config.ListenClientUrls, config.AdvertiseClientUrls = at(*client), at(*client)
	if config.ClientTLSInfo.CertFile != "" {
		config.ClientTLSInfo.ClientCertAuth = true
		config.ListenClientUrls[0].Scheme, config.AdvertiseClientUrls[0].Scheme = "https", "https"
	}
	config.ListenPeerUrls, config.AdvertisePeerUrls = at(*peer), at(*advertise)
	config.AutoCompactionMode, config.AutoCompactionRetention = embed.CompactorModePeriodic, "1m"
	config.LogLevel, config.LogOutputs = "warn", []string{"stderr"}
	e, err := embed.StartEtcd(config)
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	select {
	case <-terminated():
		e.Close()
		return nil
	case <-e.Server.StopNotify(): // it was removed from the cluster
		return nil
	case err := <-e.Err():
		return fmt.Errorf("etcd: %w", err)
	}
}

// runNATS runs a nats-server until SIGTERM. Its pings are short, so that a
// worker or a server that is frozen or cut off is forgotten within ten seconds.
func runNATS(args []string) error {
	const pingInterval = 2 * time.Second
	fs := flag.NewFlagSet("nats", flag.ExitOnError)
	options := server.Options{
		Host:          "127.0.0.1",
		HTTPHost:      "127.0.0.1",
		NoSigs:        true,
		PingInterval:  pingInterval,
		MaxPingsOut:   2,
		WriteDeadline: 2 * time.Second,
		Cluster: server.ClusterOpts{
			Name:         "faults",
			Host:         "127.0.0.1",
			PingInterval: pingInterval,
		},
		LameDuckDuration:    4 * time.Second,
		LameDuckGracePeriod: time.Second,
	}
	fs.StringVar(&options.ServerName, "name", "", "the server's name")
	fs.IntVar(&options.Port, "port", 0, "port for clients")
	fs.IntVar(&options.HTTPPort, "monitor", 0, "port for monitoring; 0: none")
	fs.IntVar(&options.Cluster.Port, "cluster-port", 0, "port for routes; 0: no cluster")
	fs.IntVar(&options.LeafNode.Port, "leaf-port", 0, "port for leaf nodes; 0: none")
	leafOf := fs.String("leaf-of", "", "host:port of the server whose leaf node it is")
	leafCreds := fs.String("leaf-creds", "", "credentials `FILE` for that; \"\": none")
	fs.StringVar(&options.Gateway.Name, "gateway", "", "name of its cluster, which gateways connect to others; \"\": none")
	fs.IntVar(&options.Gateway.Port, "gateway-port", 0, "port for gateways")
	fs.StringVar(&options.Gateway.Advertise, "gateway-advertise", "", "host:port at which other clusters find it")
	clusters := fs.String("gateways", "", "NAME=host:port of each cluster, with commas")
	file := fs.String("config", "", "nats-server's own configuration, which is read again on SIGHUP; all other flags are for servers without")
	tell := fs.Bool("tell", false, "tell servers and clients of each other, who may find a way around a test's links")
	routes := fs.String("routes", "", "host:port of the servers to connect to, with commas")
	fs.Parse(args)
	options.Cluster.NoAdvertise = !*tell
	for hostport := range strings.SplitSeq(*routes, ",") {
		if hostport != "" {
			options.Routes = append(options.Routes, &url.URL{Scheme: "nats", Host: hostport})
		}
	}
	if options.LeafNode.Port > 0 {
		options.LeafNode.Host = options.Host
	}
	if *leafOf != "" {
		options.LeafNode.Remotes = []*server.RemoteLeafOpts{{URLs: []*url.URL{{Scheme: "nats", Host: *leafOf}}, Credentials: *leafCreds}}
	}
	if options.Gateway.Name != "" {
		options.Gateway.Host = options.Host
		for cluster := range strings.SplitSeq(*clusters, ",") {
			name, hostport, _ := strings.Cut(cluster, "=")
			options.Gateway.Gateways = append(options.Gateway.Gateways, &server.RemoteGatewayOpts{Name: name, URLs: []*url.URL{{Scheme: "nats", Host: hostport}}})
		}
	}
	if options.Cluster.Port == 0 {
		options.Cluster = server.ClusterOpts{}
	}
	if *file != "" {
		read, err := server.ProcessConfigFile(*file)
		if err != nil {
			return fmt.Errorf("nats-server: %w", err)
		}
		options = *read
		options.NoSigs = true
	}
	s, err := server.NewServer(&options)
	if err != nil {
		return fmt.Errorf("nats-server: %w", err)
	}
	s.ConfigureLogger()
	s.Start()
	if !s.ReadyForConnections(time.Minute) {
		return fmt.Errorf("nats-server is not ready on port %d", options.Port)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGHUP, lameDuck)
	why := <-stop
	for ; why == syscall.SIGHUP; why = <-stop {
		if err := s.Reload(); err != nil {
			s.Errorf("reload: %v", err)
		}
	}
	if why == lameDuck {
		s.LameDuckShutdown()
	} else {
		s.Shutdown()
	}
	s.WaitForShutdown()
	return nil
}

// lameDuck is the signal by which nats-server's own command is told to stop as
// planned.
const lameDuck = syscall.SIGUSR2

func terminated() <-chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	return c
}
