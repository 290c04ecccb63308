//go:build !lean

// Package embedded runs nats-server and etcd in this process, on loopback: for
// `seqd dev` and `seqd bench`. The build tag lean leaves it out.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.etcd.io/etcd/client/pkg/v3/fileutil"
	"go.etcd.io/etcd/server/v3/embed"
)

// StartTimeout bounds the start of one embedded server.
const StartTimeout = 20 * time.Second

// LockDataDir makes the folder and keeps other processes out of it until unlock.
func LockDataDir(dir string) (unlock func(), err error) {
	const hint = "choose another folder with --data-dir"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w; %s", err, hint)
	}
	lock, err := fileutil.TryLockFile(filepath.Join(dir, "lock"), os.O_WRONLY|os.O_CREATE, 0o600)
	switch {
	case errors.Is(err, fileutil.ErrLocked):
		return nil, fmt.Errorf("data folder %s is in use by another process: stop that one, or %s", dir, hint)
	case err != nil:
		return nil, fmt.Errorf("data folder %s can't be written to: %w; %s", dir, err, hint)
	}
	return func() { lock.Close() }, nil
}

// Server is one in this process.
type Server struct {
	URL  string
	Stop func()
	Wait func(context.Context) error // blocks until the context ends, or until the server failed; nats-server has none
}

// Listen listens on a loopback port; name is the flag's.
func Listen(name string, port int) (net.Listener, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, fmt.Errorf("%s port %d can't be listened on: %w; choose another with --%s-port (0 picks a free one)", name, port, err, name)
	}
	return l, nil
}

// NATS says what a nats-server is started with.
type NATS struct {
	Name       string
	Port       int    // 0 picks a free one
	StoreDir   string // of JetStream; "": there is none
	SyncAlways bool   // of JetStream
}

// StartNATS starts a nats-server.
func StartNATS(n NATS) (*Server, error) {
	// nats-server ends the process where it can't listen, so try first.
	l, err := Listen("nats", n.Port)
	if err != nil {
		return nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()

	s, err := server.NewServer(&server.Options{
		ServerName:   n.Name,
		Host:         "127.0.0.1",
		Port:         port,
		NoSigs:       true, // signals are ours
		NoLog:        true,
		PingInterval: 3 * time.Second, // a frozen client is forgotten within ten seconds
		MaxPingsOut:  2,
		JetStream:    n.StoreDir != "",
		StoreDir:     n.StoreDir,
		SyncAlways:   n.SyncAlways,
	})
	if err != nil {
		return nil, fmt.Errorf("nats-server: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(StartTimeout) {
		s.Shutdown()
		return nil, fmt.Errorf("nats-server did not start within %v on port %d; choose another with --nats-port", StartTimeout, port)
	}
	return &Server{URL: s.ClientURL(), Stop: func() { s.Shutdown(); s.WaitForShutdown() }}, nil
}

// StartEtcd starts an etcd that keeps its data in a folder; port 0 picks a free one.
func StartEtcd(ctx context.Context, dir string, port int) (*Server, error) {
	// etcd logs before it fails to listen, so try first.
	l, err := Listen("etcd", port)
	if err != nil {
		return nil, err
	}
	clientURL := url.URL{Scheme: "http", Host: l.Addr().String()}
	l.Close()
	peerURL := url.URL{Scheme: "http", Host: "127.0.0.1:0"} // nobody will call

	cfg := embed.NewConfig()
	cfg.Name = "seqd-dev"
	cfg.Dir = filepath.Join(dir, "etcd")
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{clientURL}, []url.URL{clientURL}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{peerURL}, []url.URL{peerURL}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	// Every advance is a revision: without compaction the disk fills up. By
	// revisions etcd compacts every five minutes, by time as often as asked.
	cfg.AutoCompactionMode, cfg.AutoCompactionRetention = embed.CompactorModePeriodic, "1m"
	cfg.QuotaBackendBytes = 8 << 30
	// Alone in its cluster it need not wait long for others before it leads.
	cfg.TickMs, cfg.ElectionMs = 20, 200
	cfg.LogLevel = "warn"
	cfg.LogOutputs = []string{filepath.Join(dir, "etcd.log")}

	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w; see %s, or choose another folder with --data-dir", err, cfg.LogOutputs[0])
	}
	select {
	case <-e.Server.ReadyNotify():
	case err := <-e.Err():
		e.Close()
		return nil, fmt.Errorf("etcd: %w; see %s", err, cfg.LogOutputs[0])
	case <-time.After(StartTimeout):
		e.Close()
		return nil, fmt.Errorf("etcd did not start within %v; see %s", StartTimeout, cfg.LogOutputs[0])
	case <-ctx.Done():
		e.Close()
		return nil, context.Cause(ctx)
	}
	return &Server{
		URL:  clientURL.String(),
		Stop: e.Close,
		Wait: func(ctx context.Context) error {
			select {
			case err := <-e.Err():
				return fmt.Errorf("etcd: %w", err)
			case <-ctx.Done():
				return nil
			}
		},
	}, nil
}
