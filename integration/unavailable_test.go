package integration_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/dial"
	"github.com/seqd-io/seqd/integration/servers"
	"github.com/seqd-io/seqd/subjects"
	"github.com/seqd-io/seqd/worker"
)

// ask asks for one id of a key, once.
func askOnce(nc *nats.Conn, key allocator.Key, mode subjects.Mode) (int64, error) {
	request := subjects.Request{N: 1, Mode: mode}
	m, err := nc.Request(subjects.Subject(subjects.Root, key.Store, key.Name), request.Append(nil), patience)
	if err != nil {
		return 0, err
	}
	reply, err := subjects.DecodeReply(m.Header, m.Data)
	return reply.ID, err
}

func eventually(t *testing.T, holds func() bool, what string) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal(what)
		}
	}
}

// guarded is an etcd with users and a small quota, reached through a proxy.
type guarded struct {
	root   *clientv3.Client // not through the proxy
	worker *clientv3.Client
	proxy  *servers.Proxy
}

const (
	workerUser = "seqd"
	password   = "secret"
	quota      = 8 << 20
)

func startGuarded(t *testing.T) *guarded {
	t.Helper()
	db := servers.StartEtcdWith(t, func(c *embed.Config) {
		c.UnsafeNoFsync, c.QuotaBackendBytes, c.BcryptCost = true, quota, 4
	})
	g := &guarded{proxy: servers.StartProxy(t, db.Endpoint)}
	admin := db.Connect(t)
	ctx := t.Context()
	var errs []error
	add := func(_ any, err error) { errs = append(errs, err) }
	add(admin.UserAdd(ctx, "root", password))
	add(admin.UserGrantRole(ctx, "root", "root"))
	add(admin.RoleAdd(ctx, workerUser))
	add(admin.RoleGrantPermission(ctx, workerUser, "/seqd/", clientv3.GetPrefixRangeEnd("/seqd/"), clientv3.PermissionType(clientv3.PermReadWrite)))
	add(admin.UserAdd(ctx, workerUser, password))
	add(admin.UserGrantRole(ctx, workerUser, workerUser))
	add(admin.AuthEnable(ctx))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	dial := func(endpoint, user string) *clientv3.Client {
		client, err := dial.Open(ctx, dial.Config{Endpoints: []string{endpoint}, Username: user, Password: password})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		return client
	}
	g.root, g.worker = dial(db.Endpoint, "root"), dial(g.proxy.Addr, workerUser)
	return g
}

// fill writes until etcd refuses.
func (g *guarded) fill(ctx context.Context) error {
	for range 1000 {
		if _, err := g.root.Put(ctx, "/rubbish", strings.Repeat("x", 200_000)); err != nil {
			return nil
		}
	}
	return errors.New("etcd takes everything")
}

// clear does what an operator has to do about a full etcd.
func (g *guarded) clear(ctx context.Context) error {
	resp, err := g.root.Delete(ctx, "/rubbish")
	if err != nil {
		return err
	}
	_, err = g.root.Compact(ctx, resp.Header.Revision, clientv3.WithCompactPhysical())
	_, err2 := g.root.Defragment(ctx, g.root.Endpoints()[0])
	_, err3 := g.root.AlarmDisarm(ctx, &clientv3.AlarmMember{})
	return errors.Join(err, err2, err3)
}

// A worker whose etcd refuses to write serves weak ids from memory, answers
// UNAVAILABLE for others, leaves the queue group, and comes back by itself when
// etcd is well again: no id twice, none out of order.
func TestUnavailableAndBack(t *testing.T) {
	g := startGuarded(t)
	server := servers.StartNATS(t, nil)
	r := runWorkerOn(t, server, g.worker, func(c *worker.Config) { c.MaxPatience = 500 * time.Millisecond })
	r.waitReady(t)
	t.Cleanup(func() { r.stop(t) })
	nc := server.Connect(t)
	strong := allocator.Key{Store: "demo", Name: "strong"}
	last := int64(0)

	for _, test := range []struct {
		name        string
		fault, mend func(context.Context) error
	}{
		{"cut off",
			func(context.Context) error { g.proxy.Blackhole(); return nil },
			func(context.Context) error { g.proxy.Heal(); return nil }},
		{"role revoked",
			func(ctx context.Context) error {
				_, err := g.root.UserRevokeRole(ctx, workerUser, workerUser)
				return err
			},
			func(ctx context.Context) error {
				_, err := g.root.UserGrantRole(ctx, workerUser, workerUser)
				return err
			}},
		{"user deleted",
			func(ctx context.Context) error { _, err := g.root.UserDelete(ctx, workerUser); return err },
			func(ctx context.Context) error {
				_, err := g.root.UserAdd(ctx, workerUser, password)
				_, err2 := g.root.UserGrantRole(ctx, workerUser, workerUser)
				return errors.Join(err, err2)
			}},
		{"out of space", g.fill, g.clear},
	} {
		t.Run(test.name, func(t *testing.T) {
			weak := allocator.Key{Store: "demo", Name: strings.ReplaceAll(test.name, " ", "-")}
			if id, err := askOnce(nc, weak, subjects.Weak); err != nil || id != 1 {
				t.Fatalf("got %d, %v, want 1", id, err)
			}
			if err := test.fault(t.Context()); err != nil {
				t.Fatal(err)
			}
			for want := int64(2); want <= 10; want++ { // a new key's segment
				if id, err := askOnce(nc, weak, subjects.Weak); err != nil || id != want {
					t.Errorf("weak: got %d, %v, want %d", id, err, want)
				}
			}
			if id, err := askOnce(nc, strong, subjects.Strong); !errors.Is(err, subjects.ErrUnavailable) {
				t.Errorf("strong: got %d, %v, want UNAVAILABLE", id, err)
			}
			eventually(t, func() bool { return r.State() == worker.Unavailable }, "the worker did not leave")
			eventually(t, func() bool {
				_, err := askOnce(nc, weak, subjects.Weak)
				return errors.Is(err, nats.ErrNoResponders)
			}, "the worker is still in the queue group")
			if m, err := nc.Request("$SRV.PING", nil, patience); err != nil || !strings.Contains(string(m.Data), "unavailable") {
				t.Errorf("discovery: %v, %v", m, err)
			}

			if err := test.mend(t.Context()); err != nil {
				t.Fatal(err)
			}
			mended := time.Now()
			eventually(t, func() bool { return r.State() == worker.Serving }, "the worker did not come back")
			t.Logf("back after %v", time.Since(mended))
			id, err := askOnce(nc, strong, subjects.Strong)
			if err != nil || id <= last {
				t.Errorf("strong: got %d, %v, want more than %d", id, err, last)
			}
			last = id
			if id, err := askOnce(nc, weak, subjects.Weak); err != nil || id <= 10 {
				t.Errorf("weak: got %d, %v, want more than 10", id, err)
			}
		})
	}
}
