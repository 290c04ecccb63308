package conformance_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
)

// Stores. Any other name has no worker.
const (
	weakStore   = "conf"     // weak unless asked otherwise
	strongStore = "audit"    // strong only
	billStore   = "bills"    // its ids are written as numbers
	script      = "scripted" // served by a responder: see script_test.go
	nobody      = "nobody"
)

const maxCount = 100_000 // the stores' default

const workerConfig = `nats: {url: "%s"}
etcd: {endpoints: ["%s"]}
http: none
stores:
  conf: {mode: weak}
  audit: {modes: [strong], mode: strong}
  bills: {mode: strong, number: {period: year, zone: Europe/Berlin, format: "R-{period}/{id:06}"}}
`

// system is what the SDKs talk to. Its methods are for one goroutine at a time,
// but last.
type system struct {
	t      *testing.T
	nats   *servers.NATS
	etcd   *clientv3.Client
	seqd   string // the program
	config string // its file
	dir    string
	worker *exec.Cmd
	script *responder
	shared answer // that all SDKs get for one idempotency key; the first one sets it
}

// newSystem starts a nats-server, an etcd and a worker process, and waits until
// it serves. The test's end ends them.
func newSystem(t *testing.T) *system {
	t.Helper()
	s := &system{t: t, dir: t.TempDir(), nats: servers.StartNATS(t, nil)}
	etcd := servers.StartEtcd(t)
	s.etcd = etcd.Connect(t)
	s.seqd = build(t, s.dir, "seqd", "../../cmd/seqd")
	s.config = filepath.Join(s.dir, "worker.yaml")
	config := fmt.Sprintf(workerConfig, s.nats.URL, etcd.Endpoint)
	if err := os.WriteFile(s.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s.script = startResponder(t, s.nats.Connect(t))
	s.startWorker(t)
	t.Cleanup(func() { s.endWorker(t, syscall.SIGTERM) })
	nc := s.nats.Connect(t)
	for deadline := time.Now().Add(pace.Patience); ; { // each asks after the one before
		_, err := nc.Request("seq.conf.warm-up", nil, time.Second)
		if err == nil {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("the worker does not serve: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func build(t *testing.T, dir, name, pkg string) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	if out, err := exec.Command("go", "build", "-o", path, pkg).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	return path
}

func (s *system) startWorker(t *testing.T) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "worker.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.worker = exec.Command(s.seqd, "worker", "--config", s.config)
	s.worker.Env = []string{"PATH=" + os.Getenv("PATH"), "SEQD_STATE_DIR=" + filepath.Join(s.dir, "state")}
	s.worker.Stdout, s.worker.Stderr = log, log
	s.worker.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.worker.Start(); err != nil {
		t.Fatal(err)
	}
}

func (s *system) endWorker(t *testing.T, with syscall.Signal) {
	t.Helper()
	if err := s.worker.Process.Signal(with); err != nil {
		t.Errorf("%v to the worker: %v", with, err)
	}
	kill := time.AfterFunc(pace.Patience, func() { s.worker.Process.Kill() })
	if err := s.worker.Wait(); (!kill.Stop() || err != nil) && with != syscall.SIGKILL {
		log, _ := os.ReadFile(filepath.Join(s.dir, "worker.log"))
		t.Errorf("the worker ended with %v:\n%s", err, log[max(0, len(log)-2000):])
	}
}

func (s *system) record(store, key string) string { return "/seqd/v1/counters/" + store + "/" + key }

var lastField = regexp.MustCompile(`"last":(\d+)`)

// last returns the counter's mark in etcd; key is written as on the wire.
func (s *system) last(store, key string) (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r, err := s.etcd.Get(ctx, s.record(store, key))
	if err != nil {
		return 0, err
	}
	if len(r.Kvs) == 0 {
		return 0, fmt.Errorf("etcd has no record %s", s.record(store, key))
	}
	m := lastField.FindSubmatch(r.Kvs[0].Value)
	if m == nil {
		return 0, fmt.Errorf("etcd holds %s", r.Kvs[0].Value)
	}
	return strconv.ParseInt(string(m[1]), 10, 64)
}

// setLast writes a counter that nobody has used yet.
func (s *system) setLast(store, key string, last int64) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := s.etcd.Put(ctx, s.record(store, key), fmt.Sprintf(`{"fmt":1,"last":%d,"by":"conformance"}`, last))
	return err
}
