package operate_test

import (
	"errors"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/integration/servers"
)

// A backup holds counters with their owners, and sessions: of a worker that has
// died since, and of one that is there and fenced. A jump ends both sessions, once
// they have stood still for a lease; then the counters are anybody's, and no id is
// issued again.
func TestOwnersInARestoredBackup(t *testing.T) {
	server := servers.StartEtcd(t)
	dead := startOwner(t, server.Connect(t), "dead", lease, 100)
	live := startOwner(t, server.Connect(t), "live", lease, 100)
	dead.next(t, key, 1)
	live.next(t, other, 1)
	backup := server.Backup(t)
	most := map[allocator.Key]int64{}
	for range 500 {
		most[key] = dead.next(t, key, 1).First
		most[other] = live.next(t, other, 1).First
	}
	dead.counter.Close() // as one that is killed: it lets go of nothing
	server.Restore(t, backup, 0)
	etcdtest.Eventually(t, func() bool { return errors.Is(live.counter.Ready(t.Context()), allocator.ErrFenced) }, "not fenced")
	if err := live.issuer.Renew(t.Context()); !errors.Is(err, allocator.ErrFenced) {
		t.Errorf("renewed: %v", err)
	}
	if ids, ok := live.take(other, 1); ok {
		t.Errorf("issued %v although fenced", ids)
	}

	var waits []operate.Wait
	a := operate.New(server.Connect(t), "").Telling(func(w operate.Wait) { waits = append(waits, w) })
	begin := time.Now()
	for c, err := range a.JumpMarks(t.Context(), "", 1000) {
		if err != nil || c.Owner == "" {
			t.Errorf("got %+v, %v", c, err)
		}
	}
	if took := time.Since(begin); took < stood || len(waits) != 1 || len(waits[0].Owners) != 2 {
		t.Errorf("took %v, told of %+v", took, waits)
	}
	if sessions, err := a.Sessions(t.Context()); err != nil || len(sessions) != 0 {
		t.Errorf("sessions: %v, %v", sessions, err)
	}
	if _, _, err := a.Reincarnate(t.Context(), 1000); err != nil {
		t.Fatal(err)
	}
	etcdtest.Eventually(t, func() bool { return live.counter.Ready(t.Context()) == nil }, "still fenced")
	live.renew(t)
	for _, k := range []allocator.Key{key, other} {
		if ids := live.next(t, k, 1); ids.First <= most[k] {
			t.Errorf("%v: got %v, and %d was issued", k, ids, most[k])
		}
	}
}
