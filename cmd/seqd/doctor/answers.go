package doctor

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/seqd-io/seqd/allocator/etcd/operate"
)

// answersWarn is the part of the quota that answers may take before there is
// something to do: with what etcd keeps until it is compacted it is twice as much.
const answersWarn = 0.25

// lookAtAnswers looks at what the answers to requests with an idempotency key take.
// It says nothing where there are none.
func (e *examination) lookAtAnswers(ctx context.Context, c Etcd, admin *operate.Admin, members []*member) {
	found, err := admin.Answers(ctx)
	switch {
	case errors.Is(err, rpctypes.ErrPermissionDenied):
		e.skip("etcd.answers", c.Name, "can't be counted: etcd shows its leases only to a user who may read every key that ends with one of them, and others use this etcd too", "to count them, run this as etcd's root")
		return
	case err != nil:
		e.skip("etcd.answers", c.Name, "can't be counted: "+textOf(err), "")
		return
	case found.N == 0:
		return
	}
	text := fmt.Sprintf("about %d answers are kept for repeats, %s", found.N, bytes(found.Bytes))
	quota := leastQuota(members)
	if quota == 0 {
		e.ok("etcd.answers", c.Name, text)
		return
	}
	part := float64(found.Bytes) / float64(quota)
	text += fmt.Sprintf(" (%.0f %% of the quota)", 100*part)
	if part > answersWarn {
		e.warn("etcd.answers", c.Name, text,
			"raise --quota-backend-bytes, or shorten stores.X.idempotency.window; and send Idempotency-Key only where a retry must get the same ids")
		return
	}
	e.ok("etcd.answers", c.Name, text)
}

// leastQuota returns the quota of the member that has the least, 0 if none tells.
func leastQuota(members []*member) (least int64) {
	for _, m := range members {
		if m.status != nil && m.status.DbSizeQuota > 0 && (least == 0 || m.status.DbSizeQuota < least) {
			least = m.status.DbSizeQuota
		}
	}
	return least
}
