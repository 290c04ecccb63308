package etcd_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd"
	"github.com/seqd-io/seqd/allocator/etcd/etcdtest"
	"github.com/seqd-io/seqd/integration/pace"
	"github.com/seqd-io/seqd/integration/servers"
)

// ended is what became of an advance.
type ended struct {
	ids allocator.Range
	err error
}

type tell chan ended

func (c tell) Advanced(_ *allocator.Advance, ids allocator.Range, err error) { c <- ended{ids, err} }

func start(t *testing.T, c *etcd.Counter, yield bool) ended {
	t.Helper()
	done := make(tell, 1)
	c.Start(&allocator.Advance{Ctx: t.Context(), Key: key, N: 1, Yield: yield, Done: done})
	select {
	case got := <-done:
		return got
	case <-time.After(pace.Patience):
		t.Fatal("not told")
		return ended{}
	}
}

// An advance that yields ends when it loses a race to another writer, though the
// record was not known, and only then: one that an earlier attempt of ours wrote
// names nobody who could serve it better.
func TestYield(t *testing.T) {
	server := servers.StartEtcd(t)
	client := server.Connect(t)
	var lose atomic.Bool
	client.KV = &etcdtest.LossyKV{KV: client.KV, Spoil: func() (bool, error) {
		if lose.Swap(false) {
			return false, errors.New("answer lost")
		}
		return false, nil
	}}
	ours := etcd.NewCounter(client, etcd.Config{Writer: "w1"})
	t.Cleanup(ours.Close)
	rival := etcd.NewCounter(server.Connect(t), etcd.Config{Writer: "w2"})
	t.Cleanup(rival.Close)

	etcdtest.MustAdvance(t, rival, key, 1, 1)
	var lost *allocator.LostRace
	if got := start(t, ours, true); !errors.As(got.err, &lost) || lost.Winner != "w2" {
		t.Errorf("the first advance of a record somebody wrote: %+v, want a race lost to w2", got)
	}
	if got := start(t, ours, false); got.err != nil || got.ids.First != 2 {
		t.Errorf("when that one was asked in vain: %+v, want id 2", got)
	}
	lose.Store(true)
	if got := start(t, ours, true); got.err != nil || got.ids.First != 4 {
		t.Errorf("after an answer of our own was lost: %+v, want id 4", got)
	}
	etcdtest.MustAdvance(t, rival, key, 1, 5)
	etcdtest.MustAdvance(t, rival, key, 1, 6)
	if got := start(t, ours, true); !errors.As(got.err, &lost) || lost.Winner != "w2" {
		t.Errorf("after a rival's advance: %+v, want a race lost to w2", got)
	}
	etcdtest.MustAdvance(t, rival, key, 1, 7)
	if got := start(t, ours, false); got.err != nil || got.ids.First != 8 {
		t.Errorf("an advance that does not yield: %+v, want id 8", got)
	}
}
