package faults

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/ports"
	"github.com/seqd-io/seqd/integration/powerloss"
	"github.com/seqd-io/seqd/integration/servers"
)

// plan is how a system is made. The zero value is 3 etcds, one nats-server and
// 3 workers.
type plan struct {
	natsServers int           // 1 to 3, which are connected; 0 means 1
	leaf        bool          // each nats-server but the first is a leaf node of the one before
	gateways    bool          // each nats-server is a cluster of its own
	natsUsers   bool          // nats-server, of which there is one, knows who is a worker and who a caller
	natsAccount bool          // the first nats-server does so by credentials, which an account has signed; leaf nodes have some too
	natsTLS     bool          // the same by certificates
	jetStream   bool          // nats-server, of which there is one, has JetStream
	natsConfig  string        // lines that nats-server, of which there is one, has in its configuration
	natsTell    bool          // who is connected to one of them learns of the others
	workersTo   int           // workers connect to so many nats-servers, the first ones; 0 means all
	callersFrom int           // number of the first nats-server that callers connect to
	workers     int           // 0 means 3
	quota       int64         // etcd's, bytes; 0 means etcd's own
	user        string        // etcd's user and password for workers; "" means none
	config      string        // more lines for the workers' configuration
	lease       time.Duration // of the leased stores; 0 means shortLease, noLease that they have none
	natsLinks   bool          // the workers' connections to NATS can be spoilt
	mesh        bool          // the ways between etcd's members can be cut
	tls         bool          // etcd's clients have certificates, and members too
	authLater   bool          // etcd asks nobody for a user at first
	grpcProxy   bool          // workers know the address of etcd's gRPC proxy only
	disks       bool          // etcd's members and workers have disks that lose what was not synced
	unsynced    bool          // etcd does not sync
	balanced    int           // so many workers, the last ones, know etcd by a balancer's one address
}

// system is what the faults are done to. Its methods are for one goroutine at a
// time.
type system struct {
	dir      string
	bin      binaries
	etcd     *etcdCluster
	nats     []*natsServer
	callers  int              // number of the first nats-server that callers connect to
	routes   []*servers.Proxy // the ways between nats-servers that can be cut, in the order of who is reached
	workers  []*worker
	proxy    *process // etcd's own, between the workers and the members; nil: none
	front    string   // host:port where it is
	user     string   // that workers are to etcd, if any
	password string
	config   string // more lines for the workers' configuration
	lease    time.Duration
	lives    int // workers that were started
}

// newSystem starts a system and waits until it serves.
func newSystem(t testing.TB, bin binaries, p plan) *system {
	t.Helper()
	s := &system{dir: t.TempDir(), bin: bin, user: p.user, password: p.user, config: p.config, lease: p.lease}
	switch s.lease {
	case 0:
		s.lease = shortLease
	case noLease:
		s.lease = 0
	}
	s.etcd = newEtcdCluster(t, s, p)
	if p.user != "" {
		s.etcd.addUsers(t, p.user)
		if !p.authLater {
			s.etcd.enableAuth(t)
		}
	}
	if p.grpcProxy {
		s.startProxy(t)
	}
	s.callers = p.callersFrom
	s.startNATS(t, p)
	if p.workers == 0 {
		p.workers = 3
	}
	for i := range p.workers {
		s.addWorker(t, i, p)
	}
	for _, w := range s.workers {
		w.waitReady(t, pace.Patience)
	}
	return s
}

// workerConfig: segments last for a while, so that WEAK outlives an outage, and
// stay small enough for the gap budget to mean something.
const workerConfig = `nats: {url: "%s"%s}
etcd: {endpoints: [%s]%s}
http: %s
stores:
  orders: {mode: weak, weak: {segment_min: %d, segment_max: %d, runway: 10s}}
  audit: {modes: [strong], mode: strong}
  ledger: {mode: strong, strong: {lease: %s}, weak: {segment_min: %d, segment_max: %d, runway: 10s}}
  bills: {mode: strong, weak: {segment_min: %d, segment_max: %d, runway: 10s}, number: {period: day, format: "{period}-{id}"}}
  receipts: {mode: strong, strong: {lease: %s}, number: {period: day, format: "{period}-{id}"}}
%s`

// shortLease is the shortest that there is, so that much happens in a short time.
const shortLease = time.Second

// noLease has no store with a lease.
const noLease = time.Duration(-1)

// The least and the most ids that a worker reserves ahead for a key.
const segmentMin, segmentMax = 10, 2000

func (s *system) addWorker(t testing.TB, i int, p plan) {
	t.Helper()
	w := &worker{http: ports.Free(t), nats: s.nats[i%cmp.Or(p.workersTo, len(s.nats))]}
	var members []string
	for _, m := range s.etcd.members {
		members = append(members, m.client)
	}
	if s.proxy != nil {
		members = []string{s.front}
	}
	if i >= max(p.workers, 3)-p.balanced {
		w.links = append(w.links, servers.StartBalancer(t, members...).Proxy)
	} else {
		for _, m := range members {
			w.links = append(w.links, servers.StartProxy(t, m))
		}
	}
	if p.natsLinks {
		w.natsLink = servers.StartProxy(t, w.nats.addr)
	}
	name := fmt.Sprintf("worker%d", i)
	w.file = filepath.Join(s.dir, name+".yaml")
	var disk *powerloss.Disk
	if p.disks {
		disk = powerloss.New(t)
		disk.SyncTakes(workerSyncTakes)
	}
	w.process = newProcess(t, s.dir, name, s.bin.seqd, "worker", "--config", w.file)
	w.memory = filepath.Join(s.dir, name+".state") // as on a machine of its own
	if disk != nil {
		w.disk, w.memory = disk, filepath.Join(disk.Path, "state")
	}
	w.env = []string{"SEQD_STATE_DIR=" + w.memory}
	s.workers = append(s.workers, w)
	s.configure(t, w, s.lease)
	s.startWorker(t, w)
}

// configure writes the configuration that the worker has from its next start on.
func (s *system) configure(t testing.TB, w *worker, lease time.Duration) {
	t.Helper()
	var endpoints []string
	for _, l := range w.links {
		endpoints = append(endpoints, `"`+l.Addr+`"`)
	}
	var user string
	if s.user != "" {
		user = fmt.Sprintf(", username: %s, password: %s", s.user, s.password)
	}
	if files := s.etcd.tls; files != nil {
		user += fmt.Sprintf(", tls: {cert: %q, key: %q, ca: %q}", files.cert("worker"), files.key("worker"), files.ca)
	}
	nats := w.nats.url("worker")
	if w.natsLink != nil {
		nats = strings.Replace(nats, w.nats.addr, w.natsLink.Addr, 1)
	}
	config := fmt.Sprintf(workerConfig, nats, w.nats.settings("worker"), strings.Join(endpoints, ", "), user, w.http,
		segmentMin, segmentMax, lease, segmentMin, segmentMax, segmentMin, segmentMax, lease, s.config)
	if err := os.WriteFile(w.file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *system) startWorker(t testing.TB, w *worker) {
	t.Helper()
	w.start(t)
	s.lives++
}
