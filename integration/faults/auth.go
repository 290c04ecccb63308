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

// enableAuth makes etcd ask who it talks to, and adds a user for the workers,
// whose password is its name.
func (c *etcdCluster) enableAuth(t testing.TB, user string) {
	t.Helper()
	client := c.connect(t)
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), pace.Patience)
	defer cancel()
	do := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(client.UserAdd(ctx, "root", "root"))
	do(client.UserGrantRole(ctx, "root", "root"))
	do(client.RoleAdd(ctx, role))
	end := clientv3.GetPrefixRangeEnd(etcdrecord.DefaultPrefix)
	do(client.RoleGrantPermission(ctx, role, etcdrecord.DefaultPrefix, end, clientv3.PermissionType(clientv3.PermReadWrite)))
	do(client.UserAdd(ctx, user, user))
	do(client.UserGrantRole(ctx, user, role))
	do(client.AuthEnable(ctx))
	c.user = "root"
}
