package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	pb "go.etcd.io/etcd/api/v3/authpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// rootRole is etcd's role that may do everything.
const rootRole = "root"

// lookAtRole looks at what this user may do in etcd. A worker needs to read and
// write below the prefix and nothing else. In etcd, whoever may write may delete
// too, and a counter that was deleted starts anew: so as few as possible should.
func (e *examination) lookAtRole(ctx context.Context, c Etcd, client *clientv3.Client) {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), stepTimeout)
	defer cancel()
	const smallest = "give the workers a user with one role, which has only this permission: etcdctl role grant-permission ROLE readwrite %s/ --prefix"
	try := fmt.Sprintf(smallest, c.Prefix)
	status, err := client.AuthStatus(ctx)
	switch {
	case err != nil:
		e.skip("etcd.role", c.Name, "not looked at: "+textOf(err), "")
		return
	case !status.Enabled:
		e.warn("etcd.role", c.Name, "etcd asks nobody to log in: whoever reaches it may delete counters, and ids would be issued again", "etcdctl auth enable, and "+try)
		return
	case c.User == "":
		e.skip("etcd.role", c.Name, "no user's name is known here", "")
		return
	}
	user, err := client.UserGet(ctx, c.User)
	if err != nil {
		e.skip("etcd.role", c.Name, fmt.Sprintf("the roles of user %s can't be read: %s", c.User, textOf(err)), "")
		return
	}
	if slices.Contains(user.Roles, rootRole) {
		e.warn("etcd.role", c.Name, fmt.Sprintf("user %s is root: it may do everything, and so may anyone who reads its password", c.User), try)
		return
	}
	var broad []string
	for _, name := range user.Roles {
		role, err := client.RoleGet(ctx, name)
		if err != nil {
			e.skip("etcd.role", c.Name, fmt.Sprintf("role %s can't be read: %s", name, textOf(err)), "")
			return
		}
		for _, p := range role.Perm {
			if clientv3.PermissionType(p.PermType) != clientv3.PermissionType(pb.Permission_READ) && !within(p, c.Prefix) {
				broad = append(broad, fmt.Sprintf("%s writes %s", name, keyRange(p)))
			}
		}
	}
	if len(broad) > 0 {
		e.warn("etcd.role", c.Name, fmt.Sprintf("user %s may write and delete more than %s/: %s", c.User, c.Prefix, strings.Join(broad, ", ")), try)
		return
	}
	e.ok("etcd.role", c.Name, fmt.Sprintf("user %s may write, and so delete, below %s only", c.User, c.Prefix))
}

// within reports whether a permission is for keys below prefix. One for all that
// begins with it, the neighbours' too, is often given, and counts as such.
func within(p *pb.Permission, prefix string) bool {
	key, end := string(p.Key), string(p.RangeEnd)
	if key == prefix {
		return end == clientv3.GetPrefixRangeEnd(prefix)
	}
	return strings.HasPrefix(key, prefix+"/") && (end == "" || end != "\x00" && end <= clientv3.GetPrefixRangeEnd(prefix+"/"))
}

func keyRange(p *pb.Permission) string {
	key, end := string(p.Key), string(p.RangeEnd)
	switch end {
	case "":
		return fmt.Sprintf("%q", key)
	case "\x00":
		return fmt.Sprintf("everything from %q", key)
	case clientv3.GetPrefixRangeEnd(key):
		return fmt.Sprintf("everything below %q", key)
	}
	return fmt.Sprintf("from %q to %q", key, end)
}
