package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/integration/pace"
)

// refusalFaults make etcd answer, and refuse to write.
var refusalFaults = []fault{
	{
		name:    "NOSPACE and recovery",
		promise: "STRONG is refused, WEAK goes on from memory, then the workers leave the queue group; served again after compact, defrag and disarm, without a restart",
		plan:    plan{quota: quota},
		inject:  fillUp,
		shown:   refusals,
		limits: limits{
			outcomes: "no answer, EXPIRED, UNAVAILABLE, no responders", failedCalls: true,
			strongGap: 45 * time.Second, weakGap: 30 * time.Second, leasedGap: 45 * time.Second, normal: 5 * time.Second, ambiguous: true,
		},
	},
	{
		name:    "auth revoked and restored",
		promise: "STRONG is refused, WEAK goes on from memory, then the workers leave the queue group; served again without a restart",
		plan:    plan{user: "seqd"},
		inject:  revoke,
		shown:   refusals,
		limits: limits{
			outcomes: "no answer, EXPIRED, UNAVAILABLE, no responders", failedCalls: true,
			strongGap: 40 * time.Second, weakGap: 30 * time.Second, leasedGap: 40 * time.Second, normal: 5 * time.Second, ambiguous: true,
		},
	},
}

func refusals(f figures) error {
	return errors.Join(
		gapAtLeast(f.strongGap, 3*time.Second),
		atLeast(f.failed(), 20, "requests that failed"))
}

// leaving is more than the 15 s for which a worker goes on with the weak ids that
// it has in memory.
const leaving = 25 * time.Second

// quota is small, so that it is soon used up.
const quota = 16 << 20

func fillUp(r *run) {
	client := r.etcd.connect(r)
	defer client.Close()
	ctx, cancel := context.WithTimeout(r.Context(), 2*pace.Patience)
	defer cancel()
	filler := strings.Repeat("x", 512<<10)
	for i := 0; ; i++ {
		if _, err := client.Put(ctx, fmt.Sprintf("/faults/filler/%d", i), filler); errors.Is(err, rpctypes.ErrNoSpace) {
			break
		} else if err != nil || i > 2*quota/len(filler) {
			r.Fatalf("fill etcd up: %v after %d writes", err, i)
		}
	}

	left := r.waitAll(leaving, false)
	r.during(3 * time.Second)

	deleted, err := client.Delete(ctx, "/faults/filler/", clientv3.WithPrefix())
	if err == nil {
		_, err = client.Compact(ctx, deleted.Header.Revision, clientv3.WithCompactPhysical())
	}
	for _, m := range r.etcd.members {
		if err == nil {
			_, err = client.Defragment(ctx, m.client)
		}
	}
	if err == nil {
		_, err = client.AlarmDisarm(ctx, &clientv3.AlarmMember{})
	}
	if err != nil {
		r.Fatalf("make room in etcd: %v", err)
	}
	back := r.waitAll(pace.Patience, true)
	r.notef("workers left the queue group after %s, back %s after disarm", seconds(left), seconds(back))
}

// waitAll waits until every worker serves, or none does, and returns how long
// it took.
func (r *run) waitAll(patience time.Duration, serving bool) time.Duration {
	r.Helper()
	start := time.Now()
	for _, w := range r.workers {
		w.waitState(r, patience, serving)
	}
	return time.Since(start)
}

// revoke takes the right to write from the workers' user, and gives it back.
func revoke(r *run) {
	client := r.etcd.connect(r)
	defer client.Close()
	ctx, cancel := context.WithTimeout(r.Context(), 2*pace.Patience)
	defer cancel()
	if _, err := client.UserRevokeRole(ctx, r.user, role); err != nil {
		r.Fatal(err)
	}
	left := r.waitAll(leaving, false)
	r.during(4 * time.Second)
	if _, err := client.UserGrantRole(ctx, r.user, role); err != nil {
		r.Fatal(err)
	}
	back := r.waitAll(pace.Patience, true)
	r.notef("workers left the queue group after %s, back %s after the grant", seconds(left), seconds(back))
}
