package faults

import (
	"context"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	etcdrecord "github.com/seqd-io/seqd/allocator/etcd/record"
	"github.com/seqd-io/seqd/integration/pace"
)

// role is what workers need: to read and write their prefix.
const role = "seqd"

// addUsers adds a user for the workers, whose password is its name, and root.
func (c *etcdCluster) addUsers(t testing.TB, user string) {
	t.Helper()
	c.ask(t, func(ctx context.Context, client *clientv3.Client, do func(any, error)) {
		do(client.UserAdd(ctx, "root", "root"))
		do(client.UserGrantRole(ctx, "root", "root"))
		do(client.RoleAdd(ctx, role))
		end := clientv3.GetPrefixRangeEnd(etcdrecord.DefaultPrefix)
		do(client.RoleGrantPermission(ctx, role, etcdrecord.DefaultPrefix, end, clientv3.PermissionType(clientv3.PermReadWrite)))
		do(client.UserAdd(ctx, user, user))
		do(client.UserGrantRole(ctx, user, role))
	})
}

// enableAuth makes etcd ask who it talks to, from now on.
func (c *etcdCluster) enableAuth(t testing.TB) {
	t.Helper()
	c.ask(t, func(ctx context.Context, client *clientv3.Client, do func(any, error)) { do(client.AuthEnable(ctx)) })
	c.user = "root"
}

// disableAuth ends that.
func (c *etcdCluster) disableAuth(t testing.TB) {
	t.Helper()
	c.ask(t, func(ctx context.Context, client *clientv3.Client, do func(any, error)) { do(client.AuthDisable(ctx)) })
	c.user = ""
}

// ask has orders done, past all links. Any that fails ends the test.
func (c *etcdCluster) ask(t testing.TB, orders func(context.Context, *clientv3.Client, func(any, error))) {
	t.Helper()
	client := c.connect(t)
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), pace.Patience)
	defer cancel()
	orders(ctx, client, func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	})
}
