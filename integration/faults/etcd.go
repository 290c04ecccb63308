package faults

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/ports"
	"github.com/seqd-io/seqd/integration/powerloss"
	"github.com/seqd-io/seqd/integration/servers"
)

// Times of etcd. Shorter ones would be met by a busy machine now and then, and
// an election nobody ordered would blur a fault.
const (
	heartbeat = 100 * time.Millisecond
	election  = time.Second
)

// token is the cluster's, also after a restore: with the same URLs it makes the
// same cluster id, so that by its name nobody can tell.
const token = "faults"

// etcdCluster is three members. Its methods are for one goroutine at a time.
type etcdCluster struct {
	members []*member
	initial string        // --initial-cluster
	user    string        // for client; "": none
	mesh    *servers.Mesh // between the members; nil: they reach each other
	tls     *tlsFiles     // of members and of who talks to them; nil: none
}

type member struct {
	*process
	client string // host:port for clients, past all links
	listen string // host:port for members, past the mesh
	peer   string // host:port that members know
	dir    string
}

// waitedForDisk reports whether a sync of some member took more than a second, as
// etcd itself says it. That is longer than a transaction may take: what failed
// then may have failed for want of a disk.
func (c *etcdCluster) waitedForDisk() bool {
	return slices.ContainsFunc(c.members, func(m *member) bool { return m.said("slow fdatasync") })
}

func newEtcdCluster(t testing.TB, s *system, p plan) *etcdCluster {
	c := &etcdCluster{}
	if p.tls {
		c.tls = newTLSFiles(t, s.dir, "etcd", "worker")
	}
	var listening []string
	for range 3 {
		m := &member{client: ports.Free(t), listen: ports.Free(t)}
		m.peer = m.listen
		listening = append(listening, m.listen)
		c.members = append(c.members, m)
	}
	if p.mesh {
		c.mesh = servers.StartMesh(t, listening...)
	}
	var urls []string
	for i, m := range c.members {
		if c.mesh != nil {
			m.peer = c.mesh.Addrs[i]
		}
		urls = append(urls, fmt.Sprintf("etcd%d=http://%s", i, m.peer))
	}
	c.initial = strings.Join(urls, ",")
	for i, m := range c.members {
		name := fmt.Sprintf("etcd%d", i)
		if !p.disks {
			c.newMember(t, s, m, name, p.quota)
			continue
		}
		disk := powerloss.New(t) // before the process: it is unmounted when that has ended
		c.newMember(t, s, m, name, p.quota)
		m.giveDisk(disk, p.unsynced)
	}
	c.start(t)
	if c.mesh != nil {
		c.nameMembers(t)
	}
	return c
}

// newMember gives m a process, which is not running yet.
func (c *etcdCluster) newMember(t testing.TB, s *system, m *member, name string, quota int64) {
	m.dir = filepath.Join(s.dir, name)
	m.process = newProcess(t, s.dir, name, s.bin.node, "etcd",
		"--name", name, "--data-dir", m.dir, "--client", m.client, "--peer", m.listen, "--advertise", m.peer,
		"--cluster", c.initial, "--token", token, "--quota", strconv.FormatInt(quota, 10),
		"--heartbeat", strconv.FormatInt(heartbeat.Milliseconds(), 10),
		"--election", strconv.FormatInt(election.Milliseconds(), 10))
	if c.tls != nil {
		m.set("--cert", c.tls.cert("etcd"))
		m.set("--key", c.tls.key("etcd"))
		m.set("--ca", c.tls.ca)
	}
}

// nameMembers tells the mesh the members' ids.
func (c *etcdCluster) nameMembers(t testing.TB) {
	t.Helper()
	client := c.connect(t)
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), pace.Patience)
	defer cancel()
	list, err := client.MemberList(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range c.members {
		for _, is := range list.Members {
			if is.Name == m.name {
				c.mesh.Name(i, strconv.FormatUint(is.ID, 16))
			}
		}
	}
}

// start starts all members and waits until they have a leader.
func (c *etcdCluster) start(t testing.TB) {
	t.Helper()
	for _, m := range c.members {
		m.start(t)
	}
	c.waitLeader(t)
}

func (c *etcdCluster) kill() {
	for _, m := range c.members {
		m.kill()
	}
}

// connect returns a client of members, or of all if none is named, past all
// links. The caller closes it.
func (c *etcdCluster) connect(t testing.TB, members ...*member) *clientv3.Client {
	t.Helper()
	if len(members) == 0 {
		members = c.members
	}
	config := clientv3.Config{DialTimeout: 2 * time.Second, Logger: zap.NewNop(), TLS: c.tls.client(t)}
	for _, m := range members {
		config.Endpoints = append(config.Endpoints, m.client)
	}
	if c.user != "" {
		config.Username, config.Password = c.user, c.user
	}
	client, err := clientv3.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// waitLeader waits until a write goes through.
func (c *etcdCluster) waitLeader(t testing.TB) {
	t.Helper()
	client := c.connect(t)
	defer client.Close()
	eventually(t, pace.Patience, "etcd takes a write", func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := client.Put(ctx, "/faults/ready", "")
		return err
	})
}

// leader returns the member that leads.
func (c *etcdCluster) leader(t testing.TB) *member {
	t.Helper()
	var leader *member
	eventually(t, pace.Patience, "etcd has a leader", func() error {
		for _, m := range c.members {
			if c.leads(t, m) {
				leader = m
				return nil
			}
		}
		return fmt.Errorf("no member leads")
	})
	return leader
}

func (c *etcdCluster) leads(t testing.TB, m *member) bool {
	client := c.connect(t, m)
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	status, err := client.Status(ctx, m.client)
	return err == nil && status.Leader == status.Header.MemberId
}

// eventually calls check until it succeeds, at most for patience.
func eventually(t testing.TB, patience time.Duration, what string, check func() error) {
	t.Helper()
	const pause = 20 * time.Millisecond
	for deadline := time.Now().Add(patience); ; {
		err := check()
		if err == nil {
			return
		}
		asleep := time.Now()
		if asleep.After(deadline) {
			t.Fatalf("not within %v: %s: %v", patience, what, err)
		}
		time.Sleep(pause)
		deadline = deadline.Add(time.Since(asleep) - pause) // a busy machine oversleeps
	}
}
