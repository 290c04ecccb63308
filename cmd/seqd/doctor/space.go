package doctor

import (
	"context"
	"fmt"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// How full an etcd may be, of its quota, before there is something to do.
const (
	fullWarn = 0.5
	fullFail = 0.9
)

const wayOutOfSpace = "compact, then defragment one member at a time: etcdctl compact REVISION; etcdctl defrag; and raise --quota-backend-bytes"

// lookAtSpace looks at the member that is fullest. At its quota etcd takes no
// more writes.
func (e *examination) lookAtSpace(c Etcd, members []*member) {
	var worst *member
	for _, m := range members {
		if m.status != nil && m.status.DbSizeQuota > 0 && (worst == nil || m.fullness() > worst.fullness()) {
			worst = m
		}
	}
	if worst == nil {
		e.skip("etcd.quota", c.Name, "the members tell no quota", "etcd 3.6 and later tell it")
		return
	}
	s := worst.status
	text := fmt.Sprintf("%s of %s (%.0f %%), of which %s are in use", bytes(s.DbSize), bytes(s.DbSizeQuota), 100*worst.fullness(), bytes(s.DbSizeInUse))
	try := wayOutOfSpace
	if float64(s.DbSizeInUse) < fullWarn*float64(s.DbSize) {
		try = "most of it is free inside the file: defragment one member at a time: etcdctl defrag"
	}
	switch full := worst.fullness(); {
	case full >= fullFail:
		e.fail("etcd.quota", worst.endpoint, text+": at its quota etcd takes no more writes", try)
	case full >= fullWarn:
		e.warn("etcd.quota", worst.endpoint, text, try)
	default:
		e.ok("etcd.quota", c.Name, text)
	}
}

func (m *member) fullness() float64 { return float64(m.status.DbSize) / float64(m.status.DbSizeQuota) }

func bytes(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
}

// lookAtAlarms asks for the alarms that are raised.
func (e *examination) lookAtAlarms(ctx context.Context, c Etcd, client *clientv3.Client) {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), stepTimeout)
	defer cancel()
	list, err := client.AlarmList(ctx)
	switch {
	case err != nil:
		e.skip("etcd.alarms", c.Name, "can't be listed: "+textOf(err), "")
		return
	case len(list.Alarms) == 0:
		e.ok("etcd.alarms", c.Name, "none")
	}
	raised := map[pb.AlarmType]bool{} // each member may have raised one
	for _, a := range list.Alarms {
		raised[a.Alarm] = true
	}
	if raised[pb.AlarmType_NOSPACE] {
		e.fail("etcd.alarms", c.Name, "NOSPACE: etcd takes no writes", wayOutOfSpace+"; then: etcdctl alarm disarm (the alarm does not end by itself)")
	}
	if raised[pb.AlarmType_CORRUPT] {
		e.fail("etcd.alarms", c.Name, "CORRUPT: the members' data differ", "stop the workers; find the member that differs (etcdctl endpoint hashkv --cluster), remove it and add it anew; then raise the counters: seqd admin jump --all --by N")
	}
}
