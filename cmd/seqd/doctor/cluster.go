package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// lookAtCluster holds the members against each other.
func (e *examination) lookAtCluster(ctx context.Context, c Etcd, client *clientv3.Client, members []*member) {
	ids, old := map[uint64]string{}, false
	for _, m := range members {
		if m.status == nil {
			continue
		}
		ids[m.status.Header.ClusterId] = m.endpoint
		if older(m.status.Version, leastEtcd) {
			old = true
			e.fail("etcd.version", m.endpoint, fmt.Sprintf("etcd %s is older than %s", m.status.Version, leastEtcd), "upgrade it: seqd is not tested with older versions")
		}
	}
	if !old {
		e.ok("etcd.version", c.Name, fmt.Sprintf("all members run %s or later", leastEtcd))
	}
	if len(ids) > 1 {
		e.fail("etcd.cluster", c.Name, fmt.Sprintf("the endpoints belong to %d different clusters: ids would be issued twice", len(ids)), "name the members of one cluster in --etcd-endpoints")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	list, err := client.MemberList(ctx)
	if err != nil {
		e.skip("etcd.cluster", c.Name, "its members can't be listed: "+textOf(err), "")
		return
	}
	voters, unnamed := 0, []string{}
	for _, m := range list.Members {
		if m.IsLearner {
			continue
		}
		voters++
		if !slices.ContainsFunc(members, func(named *member) bool { return named.status == nil || named.status.Header.MemberId == m.ID }) {
			unnamed = append(unnamed, m.Name)
		}
	}
	switch {
	case voters == 1:
		e.warn("etcd.cluster", c.Name, "the cluster has one member, and its disk is the only copy of the counters", "run three members, or keep backups and read what a restore takes: seqd admin jump -h")
	case voters%2 == 0:
		e.warn("etcd.cluster", c.Name, fmt.Sprintf("%d voting members survive no more failures than %d", voters, voters-1), "run an odd number of members")
	case len(unnamed) > 0:
		e.warn("etcd.cluster", c.Name, fmt.Sprintf("there are %d voting members, and --etcd-endpoints does not name %s", voters, strings.Join(unnamed, ", ")), "name all of them: when a member falls silent, workers turn to the others that they know")
	default:
		e.ok("etcd.cluster", c.Name, fmt.Sprintf("%d voting members, cluster %x", voters, list.Header.ClusterId))
	}
}
